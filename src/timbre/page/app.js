// The page: songs that are chosen or dropped, the worker that hears them, the player, and what is said of them.

const find = (id) => document.getElementById(id);
const LONGEST = 30 * 60; // seconds that a browser decodes at once, all in memory
const LARGEST = 400e6; // bytes likewise

find("what").textContent =
  `Which of ${about.instruments.join(", ")} play in a song, and when. What you choose stays on this machine.`;
find("worth").textContent = about.worth;
find("card").textContent = about.card;

const songs = []; // { id, file, item, answer, error }
let chosen = null, tracks = null;
const player = new Audio();
let worker = null;
const microphone = new Microphone(find("live"), find("microphone"), (message) => worker.postMessage(message));

function text(id) {
  const held = find(id), content = held.textContent;
  held.remove(); // it is large, and not needed twice
  return content;
}

function bytes(base64) {
  const letters = atob(base64), made = new Uint8Array(letters.length);
  for (let index = 0; index < letters.length; index++) made[index] = letters.charCodeAt(index);
  return made;
}

async function unpacked(id) {
  const packed = new Blob([bytes(text(id))]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

// The worker is one text, and no module: a page on a disk may have none.
async function startWorker() {
  const [runtime, wasm, model] = await Promise.all(["runtime", "wasm", "model"].map(unpacked));
  const own = [`const about = ${JSON.stringify({ ...about, card: "", magma: "" })};`, text("sound"), text("answers"), text("worker")];
  const source = new Blob([runtime, "\n{\n", own.join("\n"), "\n}\n"], { type: "text/javascript" });
  worker = new Worker(URL.createObjectURL(source));
  worker.onmessage = ({ data }) => told(data);
  worker.onerror = (event) => broken(event.message);
  worker.postMessage({ wasm, model }, [wasm.buffer, model.buffer]);
}

function broken(reason) {
  find("status").textContent = `This browser cannot run the network (${reason}); a current Chromium or Firefox can.`;
}

// What the worker says.
function told(message) {
  if (message.broken) return broken(message.broken);
  if (message.latest) return microphone.show(message);
  if (message.ready) {
    find("files").disabled = find("microphone").disabled = false;
    find("status").textContent = "Ready.";
    return null;
  }
  const song = songs[message.id];
  if (message.undecoded) return decode(song, message.rate);
  if (message.heard !== undefined) return showProgress(song, message.heard);
  return settle(song, message);
}

function settle(song, { answer, error }) {
  Object.assign(song, { answer, error });
  showItem(song);
  const left = songs.filter((one) => !one.answer && !one.error).length;
  const said = answer ? answer.present.join(" and ") || "none of these" : error;
  find("status").textContent = `${song.file.name}: ${said}.${left ? ` ${left} to go.` : ""}`;
  if (answer && !chosen) choose(song);
}

function add(files) {
  for (const file of files) {
    const song = { id: songs.length, file, item: element("li") };
    songs.push(song);
    find("songs").append(song.item);
    showProgress(song, 0);
    worker.postMessage({ id: song.id, file });
  }
}

// What is no WAV: decoded by the browser, where it can and where it fits; else by the server, where there is one.
async function decode(song, rate) {
  try {
    const seconds = await lengthOf(song.file);
    if (seconds > LONGEST || song.file.size > LARGEST) throw new Error("is too long for a browser to decode; as a WAV file it can be of any length");
    const context = new OfflineAudioContext(1, 1, rate);
    const sound = await context.decodeAudioData(await song.file.arrayBuffer()).catch(() => {
      throw new Error("cannot be read as audio by this browser");
    });
    const channels = Array.from({ length: sound.numberOfChannels }, (_, index) => sound.getChannelData(index));
    worker.postMessage(
      { id: song.id, name: song.file.name, channels, rate: sound.sampleRate },
      channels.map((channel) => channel.buffer),
    );
  } catch (error) {
    if (about.server) ask(song);
    else settle(song, { error: error.message });
  }
}

// Seconds, as the browser's player tells them; 0 where it does not.
function lengthOf(file) {
  const probe = new Audio(), url = URL.createObjectURL(file);
  return new Promise((resolve) => {
    probe.onloadedmetadata = () => resolve(Number.isFinite(probe.duration) ? probe.duration : 0);
    probe.onerror = () => resolve(0);
    probe.src = url;
  }).finally(() => URL.revokeObjectURL(url));
}

// Lets the server hear a song, of any format and length.
async function ask(song) {
  try {
    const name = encodeURIComponent(song.file.name);
    const response = await fetch(`/api/listen?picture=1&hop=${about.hop}&name=${name}`, { method: "POST", body: song.file });
    const answer = await response.json();
    if (answer.error) throw new Error(answer.error);
    const { columns, decibels } = answer.spectrogram;
    const values = Float32Array.from(bytes(decibels), (value) => (value / 255) * 100 - 100);
    settle(song, { answer: { ...answer, spectrogram: { bands: about.bands, columns, decibels: values } } });
  } catch (error) {
    settle(song, { error: error.message });
  }
}

function showProgress(song, share) {
  const bar = element("progress", { max: 1, value: share });
  bar.setAttribute("aria-label", `heard of ${song.file.name}`);
  song.item.replaceChildren(element("span", { className: "row" }, element("span", { className: "name" }, song.file.name), bar));
}

function showItem(song) {
  const name = element("span", { className: "name" }, song.file.name);
  if (song.error) {
    song.item.replaceChildren(name, element("span", { className: "wrong" }, ` ${song.error}`));
    return;
  }
  const chips = song.answer.present.map((instrument) => {
    const chip = element("span", { className: "chip" }, `${instrument} ${song.answer.layered[instrument].toFixed(2)}`);
    chip.style.setProperty("--colour", about.colours[about.instruments.indexOf(instrument)]);
    return chip;
  });
  const none = element("span", { className: "faint" }, "none of these");
  const button = element("button", { onclick: () => choose(song) }, name, ...(chips.length ? chips : [none]));
  button.setAttribute("aria-current", String(song === chosen));
  song.item.replaceChildren(button);
}

function choose(song) {
  const before = chosen;
  chosen = song;
  for (const one of [before, song]) if (one?.answer) showItem(one);
  const { answer } = song;
  find("song").hidden = false;
  find("title").textContent = song.file.name;
  const alone = answer.instrument ? `; as one instrument alone it would be ${answer.instrument}` : "";
  find("summary").textContent = `${answer.present.join(" + ") || "none of these"} (${clock(answer.seconds)}${alone})`;
  find("table").replaceChildren(tableOf(answer));
  tracks = buildTracks(find("song"));
  drawSong(tracks, answer);
  player.pause();
  if (player.src) URL.revokeObjectURL(player.src);
  player.src = URL.createObjectURL(song.file);
  find("unplayable").hidden = true;
  find("play").disabled = false;
  move();
}

// For ears and for eyes: each instrument's probability, how much of the song it plays in, and where.
function tableOf(answer) {
  const table = element("table"), head = element("tr");
  table.setAttribute("aria-label", "Probability that each plays, how much of the song, and when");
  for (const title of ["", "probability", "plays", "sections"]) head.append(element("th", { scope: "col" }, title));
  table.append(head);
  for (const name of about.instruments) {
    const own = answer.sections.filter((section) => section[2] === name);
    const spans = own.slice(0, 12).map(([start, end]) => `${clock(start)}–${clock(end)}`);
    const row = element("tr", { className: answer.present.includes(name) ? "plays" : "" });
    row.append(element("th", { scope: "row" }, name));
    const more = own.length > 12 ? ` and ${own.length - 12} more` : "";
    for (const cell of [answer.layered[name].toFixed(2), answer.words[name], spans.join(", ") + more]) row.append(element("td", {}, cell));
    table.append(row);
  }
  return table;
}

// The player, and the playhead in step with it.
function move() {
  if (!chosen?.answer) return;
  const { seconds } = chosen.answer, at = Math.min(player.currentTime, seconds), slider = find("song").querySelector(".surface");
  slider.querySelector(".playhead").style.left = `${(100 * at) / seconds}%`;
  find("time").textContent = `${clock(at)} of ${clock(seconds)}`;
  const values = { valuemin: 0, valuemax: Math.round(seconds), valuenow: Math.round(at), valuetext: `${clock(at)} of ${clock(seconds)}` };
  for (const [name, value] of Object.entries(values)) slider.setAttribute(`aria-${name}`, value);
  if (!player.paused) requestAnimationFrame(move);
}

function seek(seconds) {
  player.currentTime = Math.max(0, Math.min(seconds, chosen.answer.seconds - 0.01));
  move();
}

const toggle = () => (player.paused ? player.play().catch(() => (find("unplayable").hidden = false)) : player.pause());

for (const kind of ["play", "pause", "ended", "seeked"]) {
  player.addEventListener(kind, () => {
    find("play").textContent = player.paused ? "Play" : "Pause";
    find("play").setAttribute("aria-pressed", String(!player.paused));
    move();
  });
}
player.addEventListener("error", () => {
  find("unplayable").hidden = false;
  find("play").disabled = true;
});
find("play").addEventListener("click", toggle);
find("files").addEventListener("change", ({ target }) => {
  add(target.files);
  target.value = "";
});
find("microphone").addEventListener("click", () => {
  if (microphone.context) return microphone.stop();
  return microphone.start().catch((error) => {
    find("status").textContent = `The microphone cannot be used (${error.message}).`;
  });
});
for (const button of document.querySelectorAll("[data-save]")) {
  button.addEventListener("click", () => save(chosen.answer, button.dataset.save));
}
const surface = find("song").querySelector(".surface");
surface.addEventListener("pointerdown", (event) => {
  const box = surface.getBoundingClientRect();
  seek(((event.clientX - box.left) / box.width) * chosen.answer.seconds);
});
surface.addEventListener("keydown", (event) => {
  const steps = { ArrowRight: 5, ArrowUp: 5, ArrowLeft: -5, ArrowDown: -5, PageUp: 30, PageDown: -30 };
  if (event.key === " ") toggle();
  else if (event.key === "Home") seek(0);
  else if (event.key === "End") seek(Infinity);
  else if (event.key in steps) seek(player.currentTime + steps[event.key]);
  else return;
  event.preventDefault();
});
addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("dropping");
});
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  if (!find("files").disabled) add(event.dataTransfer.files);
});
addEventListener("resize", () => chosen?.answer && drawSong(tracks, chosen.answer));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => chosen?.answer && drawSong(tracks, chosen.answer));
startWorker().catch((error) => broken(error.message));
