// Returns a word for how often an instrument plays, marked as not certain. See `perhaps` in timbre.songs.presence.
const perhaps = (word) => (word === "absent" ? "perhaps" : word.startsWith("perhaps") ? word : `perhaps ${word}`);
