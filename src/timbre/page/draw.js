// Pictures of songs: a mel spectrogram, a lane for each instrument, an axis of time.

const DEPTH = 70; // decibels of a spectrogram, below its loudest point
const STEPS = [0.1, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];

function clock(seconds) {
  const all = Math.round(seconds), [hours, minutes, rest] = [Math.floor(all / 3600), Math.floor(all / 60), all % 60];
  const two = (value) => String(value).padStart(2, "0");
  return minutes < 60 ? `${minutes}:${two(rest)}` : `${hours}:${two(minutes % 60)}:${two(rest)}`;
}

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// A canvas as sharp as the screen, cleared, and its drawing tools in CSS pixels.
function fresh(canvas, width = canvas.clientWidth, height = canvas.clientHeight) {
  const ratio = Math.min(window.devicePixelRatio || 1, 2);
  [canvas.width, canvas.height] = [Math.max(1, width * ratio), Math.max(1, height * ratio)];
  const tools = canvas.getContext("2d");
  tools.scale(ratio, ratio);
  return [tools, width, height];
}

// Columns of decibels `[columns * bands]` as a picture, the lowest band at the bottom.
function spectrogramImage({ bands, columns, decibels }, loudest) {
  const canvas = element("canvas", { width: columns, height: bands });
  const tools = canvas.getContext("2d"), image = tools.createImageData(columns, bands);
  for (let column = 0; column < columns; column++) {
    for (let band = 0; band < bands; band++) {
      const depth = Math.max(0, Math.min(1, 1 + (decibels[column * bands + band] - loudest) / DEPTH));
      const place = 4 * ((bands - 1 - band) * columns + column), colour = 6 * Math.round(255 * depth);
      for (let part = 0; part < 3; part++) {
        image.data[place + part] = parseInt(about.magma.substr(colour + 2 * part, 2), 16);
      }
      image.data[place + 3] = 255;
    }
  }
  tools.putImageData(image, 0, 0);
  return canvas;
}

function drawSpectrogram([tools, width, height], song) {
  const loudest = song.spectrogram.decibels.reduce((most, value) => Math.max(most, value), -100);
  song.image ??= spectrogramImage(song.spectrogram, loudest);
  tools.drawImage(song.image, 0, 0, width, height);
}

const inkOfPage = () => getComputedStyle(document.body).color;

// Probability as shade; where the instrument plays, a line below.
function drawLane([tools, width, height], values, colour, sections, seconds, hop, ink = inkOfPage()) {
  tools.fillStyle = colour;
  for (let x = 0; x < width; x++) {
    const first = Math.floor((x / width) * (seconds / hop)), end = Math.max(first + 1, ((x + 1) / width) * (seconds / hop));
    let sum = 0, count = 0;
    for (let step = first; step < Math.min(end, values.length); step++, count++) sum += values[step];
    tools.globalAlpha = count ? sum / count : 0;
    tools.fillRect(x, 0, 1, height);
  }
  tools.globalAlpha = 1;
  tools.fillStyle = ink;
  for (const [start, end] of sections) {
    tools.fillRect((start / seconds) * width, height - 4, Math.max(1, ((end - start) / seconds) * width), 3);
  }
}

function timeMarks(seconds, width) {
  const most = Math.max(2, Math.min(11, width / 60)), step = STEPS.find((one) => seconds / one <= most) ?? STEPS.at(-1);
  const marks = [];
  for (let at = 0; at < seconds; at += step) marks.push([at / seconds, step < 1 ? `${at.toFixed(1)} s` : clock(at)]);
  return marks;
}

// The names beside tracks, and the tracks: a spectrogram, where one is wanted, and a lane for each instrument.
function buildTracks(section) {
  const names = section.querySelector(".names"), surface = section.querySelector(".surface");
  const playhead = surface.querySelector(".playhead");
  names.replaceChildren();
  surface.replaceChildren();
  const hz = element("div", { className: "hz" });
  for (const [label, band] of about.ticks) {
    const mark = element("span", {}, label);
    mark.style.top = `${100 * (1 - band / about.bands)}%`;
    hz.append(mark);
  }
  names.append(hz);
  const spectrogram = element("canvas", { className: "spectrogram" });
  spectrogram.setAttribute("aria-hidden", "true");
  surface.append(spectrogram);
  const lanes = about.instruments.map((instrument) => {
    names.append(element("div", { className: "lane-name" }, instrument));
    const lane = element("canvas", { className: "lane" });
    lane.setAttribute("aria-hidden", "true");
    surface.append(lane);
    return lane;
  });
  const axis = element("div", { className: "axis" });
  surface.append(axis, ...(playhead ? [playhead] : []));
  return { spectrogram, lanes, axis, names: [...names.querySelectorAll(".lane-name")] };
}

function drawSong(tracks, song) {
  drawSpectrogram(fresh(tracks.spectrogram), song);
  about.instruments.forEach((instrument, label) => {
    const sections = song.sections.filter((section) => section[2] === instrument), { hop } = song.timeline;
    drawLane(fresh(tracks.lanes[label]), song.timeline[instrument], about.colours[label], sections, song.seconds, hop);
    tracks.names[label].classList.toggle("plays", song.present.includes(instrument));
  });
  const marks = timeMarks(song.seconds, tracks.axis.clientWidth).map(([share, label]) => {
    const mark = element("span", {}, label);
    mark.style.left = `${100 * share}%`;
    return mark;
  });
  tracks.axis.replaceChildren(...marks);
}
