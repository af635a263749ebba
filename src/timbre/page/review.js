// What is different while `timbre review` serves the page: the songs and their predictions come from the server.

async function startReview() {
  document.title = byId("what").textContent = `Review of ${about.reviewed}: say which instruments play in each song.`;
  document.querySelector(".choose").hidden = true;
  await addReviewed();
}

// Adds the songs that `timbre review` predicted, least certain first. Their whole results come when they are chosen.
async function addReviewed() {
  const { songs: found, error } = await (await fetch("/api/review")).json();
  if (error) throw new Error(error);
  for (const values of found) showItem(newSong(values));
  const open = songs.filter((song) => song.result && openOnes(song).length);
  byId("status").textContent = `${songs.length} songs, ${open.length} with open questions. Each answer is saved at once.`;
  const first = open[0] ?? songs.find(({ result }) => result);
  if (first) await chooseAndFocus(first);
}

// Loads the whole prediction for a song, or says why that failed.
async function loadReviewed(song) {
  try {
    const result = await (await fetch(`/api/review/${song.id}`)).json();
    if (result.error) throw new Error(result.error);
    song.result = withSpectrogram(result);
  } catch (error) {
    byId("status").textContent = `${song.name}: cannot be shown (${error.message}).`;
  }
}
