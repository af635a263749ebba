// The page: chooses and decodes songs, starts the worker, shows results and plays songs.

const byId = (id) => document.getElementById(id);
const MAX_SECONDS = 30 * 60; // the browser decodes a song at once, all in memory
const MAX_BYTES = 400e6;

byId("what").textContent =
  `Find out which of ${tested.join(", ")} play in a song, and when. Your songs stay on this machine.`;
byId("quality").textContent = about.quality;
byId("card").textContent = about.card;

const songs = []; // { id, name, file, item, note, result, error, answers }
let chosen = null, wanted = null, tracks = null;
const player = new Audio();
let worker = null;
const microphone = new Microphone(byId("live"), byId("microphone"), (message) => worker.postMessage(message));

// Returns an element's text and removes the element: the text is large and is used only once.
function takeText(id) {
  const holder = byId(id), content = holder.textContent;
  holder.remove();
  return content;
}

function fromBase64(text) {
  const letters = atob(text), bytes = new Uint8Array(letters.length);
  for (let index = 0; index < letters.length; index++) bytes[index] = letters.charCodeAt(index);
  return bytes;
}

async function unpack(id) {
  const packed = new Blob([fromBase64(takeText(id))]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

// Starts the worker from one text, because a page on a disk cannot load modules.
async function startWorker() {
  const [runtime, wasm, model] = await Promise.all(["runtime", "wasm", "model"].map(unpack));
  const constants = `const about = ${JSON.stringify({ ...about, card: "", magma: "" })};`;
  const scripts = ["wav", "length", "sound", "words", "song-output", "worker"].map(takeText);
  const source = new Blob([runtime, "\n{\n", [constants, ...scripts].join("\n"), "\n}\n"], { type: "text/javascript" });
  worker = new Worker(URL.createObjectURL(source));
  worker.onmessage = ({ data }) => onWorkerMessage(data);
  worker.onerror = (event) => showFailure(event.message);
  worker.postMessage({ wasm, model }, [wasm.buffer, model.buffer]);
}

function showFailure(reason) {
  byId("status").textContent = about.reviewed
    ? `The songs cannot be shown (${reason}).`
    : `This browser cannot run the network (${reason}). Use a current Chromium or Firefox.`;
}

function onWorkerMessage(message) {
  if (message.failure) return showFailure(message.failure);
  if (message.latest) return microphone.show(message);
  if (message.isReady) {
    byId("files").disabled = byId("microphone").disabled = false;
    byId("status").textContent = "Ready.";
    return null;
  }
  const song = songs[message.id];
  if (message.toDecode) return decode(song, message.toDecode);
  if (message.progress !== undefined) return showProgress(song, message.progress);
  return finish(song, message);
}

function finish(song, { result, error }) {
  Object.assign(song, { result, error: error && song.note ? `${error} (${song.note})` : error });
  showItem(song);
  const left = songs.filter((other) => !other.result && !other.error).length;
  const outcome = result ? summary(result) : song.error;
  byId("status").textContent = `${song.name}: ${outcome}.${left ? ` ${left} more to do.` : ""}`;
  if (result && !chosen) choose(song);
}

function newSong(values) {
  const song = { id: songs.length, item: element("li"), answers: {}, ...values };
  songs.push(song);
  byId("songs").append(song.item);
  return song;
}

// Returns what the server predicted, with the spectrogram's decibels.
function withSpectrogram(result) {
  const { columns, decibels } = result.spectrogram;
  const values = Float32Array.from(fromBase64(decibels), (value) => (value / 255) * about.decibels - about.decibels);
  return { ...result, spectrogram: { bands: about.bands, columns, decibels: values } };
}

// Adds songs, as `{ name, file }` or `{ name, error }`.
function add(added) {
  for (const { name, file, error } of added) {
    const song = newSong({ name, file });
    showProgress(song, 0);
    if (error) finish(song, { error });
    else worker.postMessage({ id: song.id, name, file });
  }
}

// Decodes a song in the browser. If the browser cannot decode all of it, asks the server, or shows the error where there
// is no server.
async function decode(song, toDecode) {
  try {
    const { channels, sampleRate } = await decodeInBrowser(song.file, toDecode), { tracks } = toDecode.declared;
    if (tracks > 1 && about.server) throw new Error("a browser decodes only the first audio track");
    if (tracks > 1) song.note = `only the first of ${tracks} audio tracks`;
    worker.postMessage(
      { id: song.id, name: song.name, channels, rate: sampleRate },
      channels.map((channel) => channel.buffer),
    );
  } catch (error) {
    if (about.server) askServer(song);
    else finish(song, { error: error.message });
  }
}

async function decodeInBrowser(file, { rate, declared }) {
  if (file.size > MAX_BYTES || (await durationOf(file)) > MAX_SECONDS) {
    throw new Error("is too long for a browser to decode; convert it to WAV, which can have any length");
  }
  const context = new OfflineAudioContext(1, 1, rate);
  const sound = await context.decodeAudioData(await file.arrayBuffer()).catch(() => {
    const isCutOff = declared.end > file.size, bytes = `${file.size} of ${Math.round(declared.end)} bytes`;
    if (isCutOff) throw new Error(`is cut off: ${bytes} are there`);
    throw new Error("cannot be read as audio by this browser; timbre predict reads more formats");
  });
  checkLength(declared, sound.duration, file.size);
  const channels = Array.from({ length: sound.numberOfChannels }, (_, index) => sound.getChannelData(index));
  return { channels, sampleRate: sound.sampleRate };
}

// Throws an error if the file is shorter than it declares, or if the browser decoded only part of it.
function checkLength({ end, isWhole, seconds }, decoded, fileBytes) {
  const total = Math.max(seconds, isWhole ? (decoded * end) / fileBytes : 0), missing = total - decoded;
  const lengths = `${decoded.toFixed(1)}${missing > 0.1 ? ` of ${total.toFixed(1)}` : ""} s`;
  const isPartial = missing > Math.min(about.maxMissingSeconds, total / 10);
  if (end > fileBytes || (isPartial && isWhole)) throw new Error(`is cut off: ${lengths} are there`);
  if (isPartial) throw new Error(`is damaged: this browser decodes ${lengths}; timbre predict may decode more`); // all declared bytes are there
}

// Returns a song's duration in seconds as the browser's player reports it, or 0 if it does not.
function durationOf(file) {
  const probe = new Audio(), url = URL.createObjectURL(file);
  return new Promise((resolve) => {
    probe.onloadedmetadata = () => resolve(Number.isFinite(probe.duration) ? probe.duration : 0);
    probe.onerror = () => resolve(0);
    probe.src = url;
  }).finally(() => URL.revokeObjectURL(url));
}

// Sends a song to the server, which reads any format and length.
async function askServer(song) {
  try {
    const query = new URLSearchParams({ picture: 1, hop: about.hop, name: song.name });
    const response = await fetch(`/api/listen?${query}`, { method: "POST", body: song.file });
    const result = await response.json();
    if (result.error) throw new Error(result.error);
    finish(song, { result: withSpectrogram(result) });
  } catch (error) {
    finish(song, { error: error.message });
  }
}

function showProgress(song, progress) {
  const bar = element("progress", { max: 1, value: progress });
  bar.setAttribute("aria-label", `Progress of ${song.name}`);
  const name = element("span", { className: "name" }, song.name);
  song.item.replaceChildren(element("span", { className: "row" }, name, bar));
}

function showItem(song) {
  const name = element("span", { className: "name" }, song.name);
  if (song.error) {
    song.item.replaceChildren(name, element("span", { className: "wrong" }, ` ${song.error}`));
    return;
  }
  const { present, layered } = song.result, unsure = unsureOf(song.result);
  const shown = shownInstruments().filter((instrument) => [...present, ...unsure].includes(instrument));
  const chips = shown.map((instrument) => {
    const isUnsure = unsure.includes(instrument), words = `${instrument} ${layered[instrument].toFixed(2)}`;
    const chip = element("span", { className: isUnsure ? "chip perhaps" : "chip" }, isUnsure ? `perhaps ${words}` : words);
    chip.style.setProperty("--colour", colourOf(instrument));
    return chip;
  });
  if (!chips.length) chips.push(element("span", { className: "faint" }, "none of these"));
  const answered = Object.keys(song.answers).length, asked = listed(song.result).length;
  if (answered || about.reviewed) {
    chips.push(element("span", { className: "faint" }, `${asked - openOnes(song).length} of ${asked} answered`));
  }
  const button = element("button", { onclick: () => choose(song) }, name, ...chips);
  button.setAttribute("aria-current", String(song === chosen));
  song.item.replaceChildren(button);
}

// Shows a song and gets it ready to play.
async function choose(song) {
  wanted = song;
  if (!song.result.spectrogram) await loadReviewed(song);
  if (!song.result.spectrogram || song !== wanted) return; // it cannot be loaded, or the user chose another one
  const previous = chosen;
  chosen = song;
  if (previous) showItem(previous);
  showItem(song);
  byId("song").hidden = false;
  byId("title").textContent = song.name;
  show(song);
  player.pause();
  if (player.src) URL.revokeObjectURL(player.src);
  player.src = song.file ? URL.createObjectURL(song.file) : `/api/review/${song.id}/sound`;
  byId("unplayable").hidden = true;
  byId("play").disabled = false;
  updatePlayhead();
}

// Moves the playhead to the player's time, again and again while it plays.
function updatePlayhead() {
  if (!chosen) return;
  const { seconds } = chosen.result, at = Math.min(player.currentTime, seconds), text = `${clock(at)} of ${clock(seconds)}`;
  surface.querySelector(".playhead").style.left = `${(100 * at) / seconds}%`;
  byId("time").textContent = text;
  const values = { valuemin: 0, valuemax: Math.round(seconds), valuenow: Math.round(at), valuetext: text };
  for (const [name, value] of Object.entries(values)) surface.setAttribute(`aria-${name}`, value);
  if (!player.paused) requestAnimationFrame(updatePlayhead);
}

function seek(seconds) {
  player.currentTime = Math.max(0, Math.min(seconds, chosen.result.seconds - 0.01));
  updatePlayhead();
}

function togglePlay() {
  if (player.paused) player.play().catch(() => (byId("unplayable").hidden = false));
  else player.pause();
}

for (const kind of ["play", "pause", "ended", "seeked"]) {
  player.addEventListener(kind, () => {
    byId("play").textContent = player.paused ? "Play" : "Pause";
    byId("play").setAttribute("aria-pressed", String(!player.paused));
    updatePlayhead();
  });
}
player.addEventListener("error", () => {
  if (about.reviewed && player.src.endsWith("/sound")) {
    player.src += "?wav"; // which the server decodes
    return;
  }
  byId("unplayable").hidden = false;
  byId("play").disabled = true;
});
byId("play").addEventListener("click", togglePlay);
byId("files").addEventListener("change", ({ target }) => {
  add([...target.files].map((file) => ({ name: file.name, file })));
  target.value = "";
});
byId("microphone").addEventListener("click", () => {
  if (microphone.context) return microphone.stop();
  return microphone.start().catch((error) => {
    byId("status").textContent = `The microphone cannot be used (${error.message}).`;
  });
});
byId("whole").parentElement.hidden = tested.length <= about.few && tested.length === about.instruments.length;
byId("whole-words").textContent = `Show all ${about.instruments.length} instruments`;
byId("whole").addEventListener("change", ({ target }) => {
  view.isWhole = target.checked;
  for (const song of songs) if (song.result) showItem(song);
  show(chosen);
});
for (const button of document.querySelectorAll("[data-save]")) {
  button.addEventListener("click", () => save(chosen.result, button.dataset.save));
}
const surface = byId("song").querySelector(".surface");
surface.addEventListener("pointerdown", (event) => {
  const box = surface.getBoundingClientRect();
  seek(((event.clientX - box.left) / box.width) * chosen.result.seconds);
});
surface.addEventListener("keydown", (event) => {
  const steps = { ArrowRight: 5, ArrowUp: 5, ArrowLeft: -5, ArrowDown: -5, PageUp: 30, PageDown: -30 };
  if (event.key === " ") togglePlay();
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
addEventListener("drop", async (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  if (!byId("files").disabled) add(await droppedSongs(event.dataTransfer.items));
});
const redraw = () => chosen && drawSong(tracks, chosen.result);
addEventListener("resize", redraw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
(about.reviewed ? startReview() : startWorker()).catch((error) => showFailure(error.message));
