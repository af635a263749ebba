// Draws songs: a mel spectrogram, one lane for each instrument and a time axis.

const DEPTH = 70; // decibels that a spectrogram shows below its loudest point
const TIME_STEPS = [0.1, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];

function clock(seconds) {
  const all = Math.round(seconds), [hours, minutes, rest] = [Math.floor(all / 3600), Math.floor(all / 60), all % 60];
  const twoDigits = (value) => String(value).padStart(2, "0");
  return minutes < 60 ? `${minutes}:${twoDigits(rest)}` : `${hours}:${twoDigits(minutes % 60)}:${twoDigits(rest)}`;
}

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// Clears a canvas and fits it to the screen's pixels. Returns its context and its size in CSS pixels.
function clearCanvas(canvas, width = canvas.clientWidth, height = canvas.clientHeight) {
  const ratio = Math.min(window.devicePixelRatio || 1, 2);
  [canvas.width, canvas.height] = [Math.max(1, width * ratio), Math.max(1, height * ratio)];
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  return [context, width, height];
}

// Returns a canvas with the columns of decibels `[columns * bands]`, the lowest band at the bottom.
function spectrogramImage({ bands, columns, decibels }, loudest) {
  const canvas = element("canvas", { width: columns, height: bands });
  const context = canvas.getContext("2d"), image = context.createImageData(columns, bands);
  for (let column = 0; column < columns; column++) {
    for (let band = 0; band < bands; band++) {
      const depth = Math.max(0, Math.min(1, 1 + (decibels[column * bands + band] - loudest) / DEPTH));
      const pixel = 4 * ((bands - 1 - band) * columns + column), colour = 6 * Math.round(255 * depth);
      for (let part = 0; part < 3; part++) {
        image.data[pixel + part] = parseInt(about.magma.substr(colour + 2 * part, 2), 16);
      }
      image.data[pixel + 3] = 255;
    }
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

function drawSpectrogram([context, width, height], song) {
  const loudest = song.spectrogram.decibels.reduce((most, value) => Math.max(most, value), -100);
  song.image ??= spectrogramImage(song.spectrogram, loudest);
  context.drawImage(song.image, 0, 0, width, height);
}

const tested = about.instruments.filter((name) => !about.littleTested.includes(name));
const view = { isWhole: false }; // whether all instruments are shown
const unsureOf = (song) => song.unsure ?? [];
const colourOf = (name) => about.colours[about.instruments.indexOf(name)];

// Returns the instruments that the page may show, without those that are little tested, unless all are shown.
const shownInstruments = () => (view.isWhole ? about.instruments : tested);

// Returns the instruments to show one by one: all if there are few or if each is asked about, otherwise those that play
// or may play.
function listed(song) {
  if (view.isWhole || about.reviewed || tested.length <= about.few) return shownInstruments();
  const plays = (name) => song.present.includes(name) || unsureOf(song).includes(name) || song.shares[name] > 0;
  return tested.filter(plays);
}

// Returns what plays in a song, such as "guitar + drums, perhaps violin". See `Song.summary` in timbre.songs.song.
function summary(song) {
  const shown = shownInstruments(), unsure = unsureOf(song).filter((name) => shown.includes(name));
  const sure = song.present.filter((name) => shown.includes(name) && !unsure.includes(name));
  const parts = [...(sure.length ? [sure.join(" + ")] : []), ...unsure.map((name) => `perhaps ${name}`)];
  return parts.join(", ") || "none of these";
}

const sectionsOf = (song, instrument) => song.sections.filter((section) => section[2] === instrument);

// Draws an instrument's lane: probability as opacity, and a line at the bottom where the instrument plays. The line is
// dashed if the answer is unsure.
function drawLane([context, width, height], song, name, lineColour) {
  const values = song.timeline[name], steps = song.seconds / song.timeline.hop;
  context.fillStyle = colourOf(name);
  for (let x = 0; x < width; x++) {
    const first = Math.floor((x / width) * steps), end = Math.max(first + 1, ((x + 1) / width) * steps);
    let sum = 0, count = 0;
    for (let step = first; step < Math.min(end, values.length); step++, count++) sum += values[step];
    context.globalAlpha = count ? sum / count : 0;
    context.fillRect(x, 0, 1, height);
  }
  context.globalAlpha = 1;
  Object.assign(context, { strokeStyle: lineColour, lineWidth: 3 });
  context.setLineDash(unsureOf(song).includes(name) ? [6, 4] : []);
  for (const [start, end] of sectionsOf(song, name)) {
    const first = (start / song.seconds) * width, pixels = ((end - start) / song.seconds) * width;
    context.beginPath();
    context.moveTo(first, height - 2.5);
    context.lineTo(first + Math.max(1, pixels), height - 2.5);
    context.stroke();
  }
}

// Returns the marks of a time axis: position from 0 to 1, and label.
function timeMarks(seconds, width) {
  const most = Math.max(2, Math.min(11, width / 60));
  const step = TIME_STEPS.find((candidate) => seconds / candidate <= most) ?? TIME_STEPS.at(-1);
  const marks = [];
  for (let at = 0; at < seconds; at += step) marks.push([at / seconds, step < 1 ? `${at.toFixed(1)} s` : clock(at)]);
  return marks;
}

function hiddenCanvas(className) {
  const canvas = element("canvas", { className });
  canvas.setAttribute("aria-hidden", "true"); // the table has the same content as text
  return canvas;
}

// Builds a spectrogram, one lane for each of some instruments and a time axis, with names to the left.
function buildTracks(section, instruments) {
  const names = section.querySelector(".names"), surface = section.querySelector(".surface");
  const playhead = surface.querySelector(".playhead");
  const hertz = element("div", { className: "hz" });
  for (const [label, band] of about.ticks) {
    const mark = element("span", {}, label);
    mark.style.top = `${100 * (1 - band / about.bands)}%`;
    hertz.append(mark);
  }
  const laneNames = instruments.map((instrument) => element("div", { className: "lane-name" }, instrument));
  const spectrogram = hiddenCanvas("spectrogram"), lanes = instruments.map(() => hiddenCanvas("lane"));
  const axis = element("div", { className: "axis" });
  names.replaceChildren(hertz, ...laneNames);
  surface.replaceChildren(spectrogram, ...lanes, axis, ...(playhead ? [playhead] : []));
  return { instruments, spectrogram, lanes, axis, names: laneNames };
}

function drawSong(tracks, song) {
  const lineColour = getComputedStyle(document.body).color;
  drawSpectrogram(clearCanvas(tracks.spectrogram), song);
  tracks.instruments.forEach((name, index) => {
    drawLane(clearCanvas(tracks.lanes[index]), song, name, lineColour);
    const isUnsure = unsureOf(song).includes(name);
    tracks.names[index].classList.toggle("plays", song.present.includes(name) && !isUnsure);
    for (const part of [tracks.names[index], tracks.lanes[index]]) part.classList.toggle("perhaps", isUnsure);
  });
  const marks = timeMarks(song.seconds, tracks.axis.clientWidth).map(([position, label]) => {
    const mark = element("span", {}, label);
    mark.style.left = `${100 * position}%`;
    return mark;
  });
  tracks.axis.replaceChildren(...marks);
}
