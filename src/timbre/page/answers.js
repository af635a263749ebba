// The answers of people: whether each instrument plays in a song. `timbre review` saves each answer at once. The page
// alone keeps them until they are saved as labels.csv.

const ANSWERS = { yes: ["Yes", "y"], no: ["No", "n"], unknown: ["Don't know", "d"] }; // of each: words and key
const DOUBT = [0.2, 0.8]; // where the timeline is between these, it is uncertain
const LEAST_DOUBT = 0.5; // seconds; shorter uncertain parts are left out
let unsaved = 0; // answers that the page alone has not saved

const rowOf = (name) => [...byId("table").querySelectorAll("tr[data-instrument]")].find((row) => row.dataset.instrument === name);
const openOnes = (song) => listed(song.result).filter((name) => !song.answers[name]);

// Returns the buttons that answer whether an instrument plays in a song.
function answerButtons(song, name) {
  const group = element("span", { className: "answers" });
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", `Does ${name} play?`);
  for (const [answer, [words, key]] of Object.entries(ANSWERS)) {
    const button = element("button", { onclick: () => giveAnswer(song, name, answer) }, words);
    button.dataset.answer = answer;
    button.setAttribute("aria-keyshortcuts", key);
    group.append(button);
  }
  showAnswer(group, song.answers[name]);
  return group;
}

function showAnswer(group, given) {
  for (const button of group.querySelectorAll("[data-answer]")) {
    button.setAttribute("aria-pressed", String(button.dataset.answer === given));
  }
}

// Notes and saves an answer, and goes on to the next open question. If it cannot be saved, the earlier answer returns.
async function giveAnswer(song, name, answer) {
  const before = song.answers[name];
  song.answers[name] = answer;
  refreshAnswer(song, name);
  if (song === chosen) focusNext(song, name);
  try {
    await keepAnswer(song, name, answer);
  } catch (error) {
    song.answers[name] = before;
    refreshAnswer(song, name);
    byId("status").textContent = `${name}: not saved (${error.message}).`;
    return;
  }
  const left = openOnes(song), next = left.length ? `Next: ${question(song, left[0])}` : "All questions are answered.";
  byId("status").textContent = `${name}: ${ANSWERS[answer][0].toLowerCase()}${about.reviewed ? ", saved" : ""}. ${next}`;
}

function question(song, name) {
  const unsure = unsureOf(song.result).includes(name) ? ", unsure" : "";
  return `${name}, probability ${song.result.layered[name].toFixed(2)}${unsure}.`;
}

function refreshAnswer(song, name) {
  showItem(song);
  const row = song === chosen && rowOf(name);
  if (row) showAnswer(row, song.answers[name]);
}

// Moves the focus to the next open question of a song, or to the button for the next song.
function focusNext(song, name) {
  const left = openOnes(song), names = listed(song.result), after = names.slice(names.indexOf(name) + 1);
  const next = after.find((other) => left.includes(other)) ?? left[0];
  if (next) focusRow(next);
  else byId("next-song").focus();
}

const focusRow = (name) => rowOf(name)?.querySelector("[data-answer]").focus();

async function keepAnswer(song, name, answer) {
  if (!about.reviewed) {
    unsaved += 1;
    byId("save-answers").disabled = false;
    return;
  }
  const response = await fetch(`/api/review/${song.id}/answers`, { method: "POST", body: JSON.stringify({ [name]: answer }) });
  const { error } = await response.json();
  if (error) throw new Error(error);
}

// Returns the answers about all songs as labels.csv.
function answersTable() {
  const answered = songs.filter(({ answers }) => Object.keys(answers).length);
  const rows = answered.map(({ name, answers }) => {
    const cells = Object.keys(ANSWERS).map((answer) => about.instruments.filter((each) => answers[each] === answer).join(";"));
    return [name, ...cells].map(csvCell).join(",");
  });
  return ["path,present,absent,unknown", ...rows, ""].join("\n");
}

function saveAnswers() {
  download("labels.csv", new Blob([answersTable()], { type: "text/csv" }));
  unsaved = 0;
}

// Returns the parts of a song in which the timeline of an instrument is uncertain: start and end, in seconds.
function uncertainParts({ timeline }, name) {
  const parts = [];
  timeline[name].forEach((value, step) => {
    if (value <= DOUBT[0] || value >= DOUBT[1]) return;
    const start = step * timeline.hop, end = start + timeline.hop, last = parts.at(-1);
    if (last && start - last[1] < about.pause) last[1] = end;
    else parts.push([start, end]);
  });
  return parts.filter(([start, end]) => end - start >= LEAST_DOUBT);
}

// Returns where to listen for an instrument: its uncertain parts, or its sections if there are none.
function partsToCheck(result, name) {
  const parts = uncertainParts(result, name);
  return parts.length ? parts : sectionsOf(result, name);
}

// Plays from the next part to check.
function playNextPart(song, name) {
  const parts = partsToCheck(song.result, name);
  if (!parts.length) {
    byId("status").textContent = `${name}: no uncertain part.`;
    return;
  }
  const [start, end] = parts.find((part) => part[0] > player.currentTime + 0.1) ?? parts[0];
  seek(start);
  if (player.paused) togglePlay();
  byId("status").textContent = `${name}: ${clock(start)} to ${clock(end)}.`;
}

function partsButton(song, name) {
  const { length } = uncertainParts(song.result, name), words = length ? `${length} uncertain` : "sections";
  const button = element("button", { onclick: () => playNextPart(song, name) }, `▸ ${words}`);
  button.disabled = !partsToCheck(song.result, name).length;
  button.setAttribute("aria-label", `Play the next ${length ? `of ${length} uncertain parts` : "section"} of ${name}`);
  return button;
}

// Goes to the next song with open questions, or to the one before.
function goToSong(step) {
  const ready = songs.filter(({ result }) => result), at = ready.indexOf(chosen);
  const order = [...ready.slice(at + 1), ...ready.slice(0, at)];
  const next = step > 0 ? (order.find((song) => openOnes(song).length) ?? order[0]) : order.at(-1);
  if (next) chooseAndFocus(next);
}

// Shows a song and moves the focus to its first open question.
async function chooseAndFocus(song) {
  await choose(song);
  if (song === chosen) focusRow(openOnes(song)[0] ?? listed(song.result)[0]);
}

// Returns the instrument that the keys are about: that of the focused row, else the first open question.
const currentInstrument = (song, element) =>
  element.closest("tr[data-instrument]")?.dataset.instrument ?? openOnes(song)[0];

function moveRow(name, step) {
  const names = listed(chosen.result);
  focusRow(names[Math.max(0, Math.min(names.length - 1, names.indexOf(name) + step))]);
}

// The keys of a song. They need no modifier, so they work only while the focus is in the song's card.
const KEYS = {
  ...Object.fromEntries(Object.entries(ANSWERS).map(([answer, [, key]]) => [key, (name) => giveAnswer(chosen, name, answer)])),
  u: (name) => playNextPart(chosen, name),
  p: () => togglePlay(),
  ArrowUp: (name) => moveRow(name, -1),
  ArrowDown: (name) => moveRow(name, 1),
  ArrowLeft: () => seek(player.currentTime - 5),
  ArrowRight: () => seek(player.currentTime + 5),
  PageUp: () => goToSong(-1),
  PageDown: () => goToSong(1),
};

byId("song").addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !(event.key in KEYS)) return;
  const name = currentInstrument(chosen, event.target);
  if (!name && KEYS[event.key].length) return; // the key is about an instrument
  event.preventDefault();
  KEYS[event.key](name);
});
byId("next-song").addEventListener("click", () => goToSong(1));
byId("save-answers").addEventListener("click", saveAnswers);
byId("save-answers").hidden = Boolean(about.reviewed);
addEventListener("beforeunload", (event) => {
  if (unsaved) event.preventDefault();
});
