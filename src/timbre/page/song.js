// One answer from those of a song's windows, as timbre.songs has it. `about` holds the numbers of both, from Python.

class SongOutput {
  constructor(about) {
    this.about = about;
    this.windows = []; // single and layered logits, and level, of each
    this.cells = []; // logits of each cell
    this.moments = []; // logits of playing in each step
    this.times = []; // of its middle
    this.levels = []; // of each window's pieces
    this.spectrogram = new StreamingSpectrogram(about.bands, about.columns);
  }

  // Takes in one window: samples at the models' rate, and the network's five outputs for it.
  add(samples, { single, layered, cells, timeline, mels }, frames) {
    const { instruments, window, step } = this.about, count = instruments.length;
    const pieces = cells.length / count, start = this.windows.length * window;
    for (let piece = 0; piece < pieces; piece++) {
      const from = piece * step, logits = (values) => Array.from(values.subarray(piece * count, (piece + 1) * count), logit);
      this.cells.push(logits(cells));
      if (from >= window - 1e-9) continue; // the last cell may begin where the window ends
      this.times.push(start + (from + Math.min(from + step, window)) / 2);
      this.moments.push(logits(timeline));
    }
    const levels = levelsOf(samples, this.about, pieces);
    this.levels.push(...levels);
    this.pieces = pieces;
    this.windows.push({ single: Array.from(single, Math.log), layered: Array.from(layered, logit), level: Math.max(...levels) });
    this.spectrogram.add(mels, frames, frames - 1); // the last frame is the next window's first
  }

  // What `timbre predict --format jsonl --timeline` says, and what the page draws.
  answer(name, samples) {
    const { about } = this, { instruments, rate, window, hop } = about, seconds = samples / rate;
    if (seconds < about.tooShort) throw new SoundError(`is too short to tell (${seconds.toFixed(2)} s)`);
    const length = window * rate, full = Math.floor(samples / length), rest = samples % length;
    const judged = this.windows.slice(0, full + (rest > 0 && (full === 0 || 2 * rest >= length) ? 1 : 0));
    const loudest = Math.max(...judged.map((one) => one.level));
    if (!(loudest >= about.silence)) throw new SoundError("is silent");
    const kept = judged.filter((one) => one.level >= about.quiet * loudest);
    const single = softmax(instruments.map((_, label) => mean(kept.map((one) => one.single[label]))));
    const audible = this.cells.slice(0, judged.length * this.pieces).filter((_, cell) => this.isLoud(cell));
    const together = instruments.map((_, label) => {
      const byWindow = quantile(kept.map((one) => one.layered[label]), 1 - about.part);
      const byCell = quantile(audible.map((cell) => cell[label]), 1 - about.part);
      return kept.length === 1 ? byWindow : (byWindow + byCell) / 2;
    });
    const layered = together.map(sigmoid);
    const steps = Math.max(1, Math.ceil(seconds / hop - 1e-9)), sounds = this.sounds(steps);
    const logits = together.map((value, label) => {
      const leaning = about.leaning * (value - logit(about.thresholds[label]));
      return this.atSteps(label, steps).map((moment) => moment + Math.max(-about.most, Math.min(about.most, leaning)));
    });
    const timeline = logits.map((values) => values.map((value, step) => (sounds[step] ? sigmoid(value) : 0)));
    const sections = instruments.flatMap((instrument, label) => {
      return sectionsOf(logits[label], sounds, about).map(([first, end]) => [first * hop, Math.min(end * hop, seconds), instrument]);
    });
    sections.sort((one, other) => one[0] - other[0] || instruments.indexOf(one[2]) - instruments.indexOf(other[2]));
    const named = (values) => Object.fromEntries(values.map((value, label) => [instruments[label], rounded(value, 4)]));
    return {
      file: name,
      instrument: single.length ? instruments[single.indexOf(Math.max(...single))] : "",
      single: named(single),
      present: instruments.filter((_, label) => layered[label] >= about.thresholds[label]),
      layered: named(layered),
      ...presence(sections, seconds, about),
      timeline: { hop, ...Object.fromEntries(instruments.map((one, label) => [one, timeline[label].map((value) => rounded(value, 3))])) },
      sections: sections.map(([start, end, one]) => [rounded(start, 3), rounded(end, 3), one]),
      seconds,
      spectrogram: this.spectrogram.decibels(seconds, this.windows.length * window),
    };
  }

  // Logits of playing at the middles of steps of the answer, between those of steps of windows.
  atSteps(label, steps) {
    const { times, moments } = this, { hop } = this.about, values = new Array(steps);
    for (let step = 0, known = 0; step < steps; step++) {
      const at = (step + 0.5) * hop;
      while (known < times.length - 2 && times[known + 1] <= at) known++;
      const [start, end] = [times[known], times[known + 1] ?? times[known] + 1];
      const share = Math.max(0, Math.min(1, (at - start) / (end - start)));
      values[step] = moments[known][label] * (1 - share) + (moments[known + 1] ?? moments[known])[label] * share;
    }
    return values;
  }

  // Whether there is more than near silence in a cell's piece of its window.
  isLoud(cell) {
    return this.levels[cell] >= this.quiet();
  }

  // The level from which a piece of the song is more than near silence.
  quiet() {
    this.loudest ??= this.levels.reduce((most, level) => Math.max(most, level), 0);
    return this.about.quiet * this.loudest;
  }

  // In which steps there is more than near silence.
  sounds(steps) {
    const { hop, window } = this.about, piece = window / this.pieces;
    return Array.from({ length: steps }, (_, step) => {
      const first = Math.floor((step * hop) / piece), end = Math.ceil(((step + 1) * hop) / piece);
      return Math.max(0, ...this.levels.slice(first, end)) >= this.quiet();
    });
  }
}

const sigmoid = (value) => 1 / (1 + Math.exp(-value));
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const rounded = (value, digits) => Number(value.toFixed(digits));

function logit(probability) {
  const safe = Math.max(1e-7, Math.min(1 - 1e-7, probability));
  return Math.log(safe / (1 - safe));
}

function softmax(logits) {
  const greatest = Math.max(...logits), powers = logits.map((value) => Math.exp(value - greatest));
  const sum = powers.reduce((total, value) => total + value, 0);
  return powers.map((value) => value / sum);
}

function quantile(values, share) {
  const sorted = [...values].sort((one, other) => one - other), place = share * (sorted.length - 1);
  const below = Math.floor(place), next = sorted[Math.min(below + 1, sorted.length - 1)];
  return sorted[below] + (place - below) * (next - sorted[below]);
}

// The root mean square of the third loudest 10 ms of each piece.
function levelsOf(samples, about, pieces) {
  const each = Math.max(1, Math.round((samples.length * about.blocksPerSecond) / (about.rate * pieces)));
  const count = pieces * each, size = samples.length / count, power = new Float64Array(count);
  for (let block = 0; block < count; block++) {
    const end = Math.floor(((block + 1) * samples.length) / count);
    for (let index = Math.floor((block * samples.length) / count); index < end; index++) power[block] += samples[index] ** 2;
  }
  return Array.from({ length: pieces }, (_, piece) => {
    const sorted = power.slice(piece * each, (piece + 1) * each).sort();
    return Math.sqrt(sorted[Math.max(0, each - about.loudest)] / size);
  });
}

// Runs of steps in which one instrument plays: the likeliest path of two states between which each change has its cost.
function sectionsOf(logits, sounds, { hop, certain, change, pause }) {
  let on = -change, off = 0;
  const entered = [], left = [];
  logits.forEach((value, step) => {
    const gain = hop * (sounds[step] ? Math.max(-certain, Math.min(certain, value)) : -certain);
    entered.push(off - change > on);
    left.push(on - change > off);
    [on, off] = [Math.max(on, off - change) + gain, Math.max(off, on - change)];
  });
  const runs = [];
  for (let step = logits.length - 1, plays = on > off; step >= 0; step--) {
    if (plays) {
      if (runs.length && runs[0][0] === step + 1) runs[0][0] = step;
      else runs.unshift([step, step + 1]);
    }
    plays = plays ? !entered[step] : left[step];
  }
  return runs.reduce((bridged, run) => {
    const last = bridged.at(-1);
    if (last && run[0] - last[1] < Math.round(pause / hop)) last[1] = run[1];
    else bridged.push([...run]);
    return bridged;
  }, []);
}

// How much of a song each plays in, as a share and a word, when first, and where alone.
function presence(sections, seconds, { instruments, words, solo, least }) {
  const shares = {}, said = {}, first = {};
  for (const name of instruments) {
    const own = sections.filter((section) => section[2] === name);
    const share = Math.min(1, own.reduce((sum, [start, end]) => sum + end - start, 0) / seconds);
    shares[name] = own.length ? Math.max(least, rounded(share, 3)) : 0;
    said[name] = shares[name] > 0 ? words.filter(([least]) => shares[name] >= least).at(-1)[1] : "absent";
    if (own.length) first[name] = rounded(own[0][0], 3);
  }
  const times = [...new Set(sections.flatMap(([start, end]) => [start, end]))].sort((one, other) => one - other);
  const solos = [];
  times.slice(1).forEach((end, index) => {
    const start = times[index], playing = sections.filter((one) => one[0] <= start && end <= one[1]);
    if (playing.length !== 1) return;
    const last = solos.at(-1);
    if (last && last[1] === start && last[2] === playing[0][2]) last[1] = end;
    else solos.push([start, end, playing[0][2]]);
  });
  const long = solos.filter(([start, end]) => end - start >= solo);
  return { shares, words: said, first_heard: first, solos: long.map(([start, end, name]) => [rounded(start, 3), rounded(end, 3), name]) };
}

// Mean power over time in a bounded number of columns: whenever there are too many, neighbours become one.
class StreamingSpectrogram {
  constructor(bands, columns) {
    [this.bands, this.most, this.each, this.held, this.columns] = [bands, columns, 1, [], []];
  }

  // Takes in decibels `[bands, stride]`, of which the first `frames` of each band count.
  add(decibels, stride, frames) {
    for (let frame = 0; frame < frames; frame++) {
      const column = new Float32Array(this.bands);
      for (let band = 0; band < this.bands; band++) column[band] = 10 ** (decibels[band * stride + frame] / 10);
      this.held.push(column);
      if (this.held.length >= this.each) this.columns.push(average(this.held.splice(0)));
    }
    while (this.columns.length > 2 * this.most) {
      const pairs = [];
      for (let index = 0; index + 1 < this.columns.length; index += 2) pairs.push(average(this.columns.slice(index, index + 2)));
      [this.columns, this.each] = [pairs, 2 * this.each];
    }
  }

  // Columns of decibels that `seconds` of `padded` fill, one after another.
  decibels(seconds, padded) {
    const count = Math.max(1, Math.ceil((this.columns.length * seconds) / padded)), all = new Float32Array(count * this.bands);
    this.columns.slice(0, count).forEach((column, index) => {
      all.set(column.map((power) => 10 * Math.log10(Math.max(power, 1e-10))), index * this.bands);
    });
    return { bands: this.bands, columns: count, decibels: all };
  }
}

function average(columns) {
  return columns[0].map((_, band) => columns.reduce((sum, column) => sum + column[band], 0) / columns.length);
}
