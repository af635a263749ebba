// Combines the network's outputs for a song's windows into one result, as timbre.songs does. Constants that Python
// shares come from `about`.

class SongOutput {
  constructor() {
    this.windows = []; // of each window: single and layered logits, and its level
    this.frames = []; // logits of each frame
    this.activity = []; // logits of activity in each frame, without frames that start after their window's end
    this.borders = []; // of each border between windows: logits of activity in each frame of the window across it
    this.end = null; // the last samples of the last window
    this.times = []; // the middle of each of these, in seconds
    this.levels = []; // of each frame
    this.spectrogram = new StreamingSpectrogram(about.bands, about.columns);
  }

  // Adds one window: its samples at the models' rate, and the network's outputs for it.
  add(samples, { single, layered, cells, timeline, mels }, melFrames) {
    const start = this.windows.length * about.window, frames = cells.length / about.instruments.length;
    const middles = frameMiddles();
    this.frames.push(...logitRows(cells));
    this.times.push(...middles.map((middle) => start + middle));
    this.activity.push(...logitRows(timeline).slice(0, middles.length)); // the last frame may start at the window's end
    const levels = frameLevels(samples, frames);
    this.levels.push(...levels);
    this.framesPerWindow = frames;
    const level = Math.max(...levels);
    this.windows.push({ single: Array.from(single, Math.log), layered: Array.from(layered, (value) => logit(value)), level });
    this.spectrogram.add(mels, melFrames, melFrames - 1); // the last frame is the next window's first
  }

  // Adds the network's activity in the window across the border before the next window.
  addBorder(timeline) {
    this.borders.push(logitRows(timeline));
  }

  // Returns the logits of activity, blended over the borders of windows. See `activity_logits` in timbre.songs.output.
  blendedActivity() {
    const { window } = about, border = about.border * window;
    const known = frameMiddles().filter((middle) => middle < 2 * border - 1e-9).map((middle) => middle - border);
    return this.activity.map((logits, frame) => {
      const nearest = Math.round(this.times[frame] / window), time = this.times[frame] - nearest * window;
      const across = this.borders[nearest - 1], weight = Math.max(0, 1 - Math.abs(time) / border);
      if (!across || !weight) return logits;
      const at = Math.max(0, known.findLastIndex((middle) => middle <= time)), next = Math.min(at + 1, known.length - 1);
      const fraction = next > at ? Math.max(0, Math.min(1, (time - known[at]) / (known[next] - known[at]))) : 0;
      const blend = (first, second, share) => first * (1 - share) + second * share;
      return logits.map((value, label) => blend(value, blend(across[at][label], across[next][label], fraction), weight));
    });
  }

  // Returns what `timbre predict --format jsonl --timeline` prints, and what the page draws.
  result(name, samples) {
    const { instruments, hop } = about, seconds = samples / about.rate;
    if (seconds < about.tooShort) throw new SoundError(`is too short to tell (${seconds.toFixed(2)} s)`);
    const { single, layered } = this.songLogits(samples);
    const steps = Math.max(1, Math.ceil(seconds / hop - 1e-9));
    const isLoud = this.loudSteps(steps), activity = this.activityLogits(layered, steps);
    const sections = findSections(activity, isLoud, seconds);
    const singleProbabilities = softmax(single), reached = activity.map((logits) => songActivity(logits, isLoud));
    const probabilities = jointLogits(layered, reached, singleProbabilities).map(sigmoid);
    const present = instruments.filter((_, label) => probabilities[label] >= about.thresholds[label]);
    const instrument = single.length ? instruments[single.indexOf(Math.max(...single))] : "";
    const rounded = byInstrument(probabilities.map((value) => round(value, 4)));
    const timeline = activity.map((logits) => logits.map((value, step) => round(isLoud[step] ? sigmoid(value) : 0, 3)));
    return {
      file: name,
      instrument,
      single: byInstrument(singleProbabilities.map((value) => round(value, 4))),
      alone: present.length === 1 && present[0] === instrument ? instrument : "",
      present,
      layered: rounded,
      ...presence(sections, seconds, present),
      ...uncertainty(rounded, present),
      timeline: { hop, ...byInstrument(timeline) },
      sections: sections.map(([start, end, instrument]) => [round(start, 3), round(end, 3), instrument]),
      seconds,
      spectrogram: this.spectrogram.decibels(seconds, this.windows.length * about.window),
    };
  }

  // Returns the song's single and layered logits, one for each instrument. See `song_logits` in timbre.songs.answer.
  songLogits(samples) {
    const { instruments, window, part } = about, length = window * about.rate;
    const fullWindows = Math.floor(samples / length), rest = samples % length;
    const isRestKept = rest > 0 && (fullWindows === 0 || 2 * rest >= length);
    const windows = this.windows.slice(0, fullWindows + (isRestKept ? 1 : 0));
    const loudest = Math.max(...windows.map(({ level }) => level));
    if (!(loudest >= about.silence)) throw new SoundError("is silent");
    const loudWindows = windows.filter(({ level }) => level >= about.quiet * loudest);
    const frames = this.frames.slice(0, windows.length * this.framesPerWindow);
    const loudFrames = frames.filter((_, frame) => this.levels[frame] >= this.quietLevel());
    const single = instruments.map((_, label) => mean(loudWindows.map((window) => window.single[label])));
    const layered = instruments.map((_, label) => {
      const byWindow = quantile(loudWindows.map((window) => window.layered[label]), 1 - part);
      const byFrame = quantile(loudFrames.map((logits) => logits[label]), 1 - part);
      return loudWindows.length === 1 ? byWindow : (byWindow + byFrame) / 2;
    });
    return { single, layered };
  }

  // Returns each instrument's logits of activity at the steps of the timeline. The song's own logits count a little.
  activityLogits(songLogits, steps) {
    const blended = this.blendedActivity();
    return songLogits.map((value, label) => {
      const leaning = about.leaning * (value - logit(about.thresholds[label]));
      const limited = Math.max(-about.lowered, Math.min(about.raised, leaning));
      return this.interpolatedActivity(blended, label, steps).map((activity) => activity + limited);
    });
  }

  // Interpolates logits of activity at the middle of each step.
  interpolatedActivity(activity, label, steps) {
    const { times } = this, values = new Array(steps);
    for (let step = 0, known = 0; step < steps; step++) {
      const at = (step + 0.5) * about.hop;
      while (known < times.length - 2 && times[known + 1] <= at) known++;
      const [start, end] = [times[known], times[known + 1] ?? times[known] + 1];
      const fraction = Math.max(0, Math.min(1, (at - start) / (end - start)));
      const next = activity[known + 1] ?? activity[known];
      values[step] = activity[known][label] * (1 - fraction) + next[label] * fraction;
    }
    return values;
  }

  // Returns the level below which a frame counts as nearly silent.
  quietLevel() {
    this.loudest ??= this.levels.reduce((most, level) => Math.max(most, level), 0);
    return about.quiet * this.loudest;
  }

  // Returns for each step whether it is more than nearly silent.
  loudSteps(steps) {
    const { hop, window } = about, frameSeconds = window / this.framesPerWindow;
    return Array.from({ length: steps }, (_, step) => {
      const first = Math.floor((step * hop) / frameSeconds), end = Math.ceil(((step + 1) * hop) / frameSeconds);
      return Math.max(0, ...this.levels.slice(first, end)) >= this.quietLevel();
    });
  }
}

const sigmoid = (value) => 1 / (1 + Math.exp(-value));
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const round = (value, digits) => Number(value.toFixed(digits));
const byInstrument = (values) => Object.fromEntries(values.map((value, label) => [about.instruments[label], value]));

// Returns the middle of each frame of a window, in seconds.
function frameMiddles() {
  const { window, step } = about, starts = Array.from({ length: Math.ceil(window / step - 1e-9) }, (_, frame) => frame * step);
  return starts.map((start) => (start + Math.min(start + step, window)) / 2);
}

// Returns probabilities `[frames, instruments]` as one array of logits for each frame.
function logitRows(probabilities) {
  const count = about.instruments.length;
  return Array.from({ length: probabilities.length / count }, (_, frame) =>
    Array.from(probabilities.subarray(frame * count, (frame + 1) * count), (value) => logit(value)),
  );
}

// Returns the song's logits from all models. See `joint_logits` in timbre.songs.answer.
function jointLogits(layered, activity, single) {
  const { timelineWeight, timelineLimit, singleWeight, leastProbability: least } = about;
  return layered.map((value, label) => {
    const limit = logit(about.thresholds[label], least);
    const timeline = timelineWeight * (activity[label] - timelineLimit);
    const joint = limit + (1 - timelineWeight) * (value - limit) + timeline;
    return single.length ? joint + singleWeight * (logit(single[label], least) - logit(1 / single.length, least)) : joint;
  });
}

// Returns the logit that a quarter of a timeline reaches. See `song_activity` in timbre.songs.answer.
function songActivity(logits, isLoud) {
  const most = logit(1, about.leastProbability), loud = logits.filter((_, step) => isLoud[step]);
  return Math.max(-most, Math.min(most, quantile(loud, 1 - about.part)));
}

function logit(probability, least = 1e-7) {
  const safe = Math.max(least, Math.min(1 - least, probability));
  return Math.log(safe / (1 - safe));
}

function softmax(logits) {
  const greatest = Math.max(...logits), powers = logits.map((value) => Math.exp(value - greatest));
  const sum = powers.reduce((total, value) => total + value, 0);
  return powers.map((value) => value / sum);
}

function quantile(values, fraction) {
  const sorted = [...values].sort((first, second) => first - second), position = fraction * (sorted.length - 1);
  const below = Math.floor(position), next = sorted[Math.min(below + 1, sorted.length - 1)];
  return sorted[below] + (position - below) * (next - sorted[below]);
}

// Returns the level of each frame: the root mean square of its third loudest 10 ms. See timbre.audio.windows.levels.
function frameLevels(samples, frames) {
  const blocks = Math.max(1, Math.round((samples.length * about.blocksPerSecond) / (about.rate * frames)));
  const count = frames * blocks, size = samples.length / count, power = new Float64Array(count);
  for (let block = 0; block < count; block++) {
    const end = Math.floor(((block + 1) * samples.length) / count);
    for (let index = Math.floor((block * samples.length) / count); index < end; index++) power[block] += samples[index] ** 2;
  }
  return Array.from({ length: frames }, (_, frame) => {
    const sorted = power.slice(frame * blocks, (frame + 1) * blocks).sort();
    return Math.sqrt(sorted[Math.max(0, blocks - about.loudest)] / size);
  });
}

// Returns the sections of all instruments in order of time: start, end (in seconds) and instrument.
function findSections(activity, isLoud, seconds) {
  const { instruments, hop } = about;
  const sections = instruments.flatMap((instrument, label) =>
    findEvents(activity[label], isLoud).map(([first, end]) => [first * hop, Math.min(end * hop, seconds), instrument]),
  );
  const order = (instrument) => instruments.indexOf(instrument);
  return sections.sort((first, second) => first[0] - second[0] || order(first[2]) - order(second[2]));
}

// Returns the events of one instrument, as first step and end: the most likely path of two states, where each change has
// a cost (Viterbi, 1967). Short pauses are bridged.
function findEvents(logits, isLoud) {
  const { hop, certain, change, pause } = about;
  let on = -change, off = 0;
  const entered = [], left = [];
  logits.forEach((value, step) => {
    const gain = hop * (isLoud[step] ? Math.max(-certain, Math.min(certain, value)) : -certain);
    entered.push(off - change > on);
    left.push(on - change > off);
    [on, off] = [Math.max(on, off - change) + gain, Math.max(off, on - change)];
  });
  const events = [];
  for (let step = logits.length - 1, plays = on > off; step >= 0; step--) {
    if (plays) {
      if (events.length && events[0][0] === step + 1) events[0][0] = step;
      else events.unshift([step, step + 1]);
    }
    plays = plays ? !entered[step] : left[step];
  }
  return events.reduce((bridged, event) => {
    const last = bridged.at(-1);
    if (last && event[0] - last[1] < Math.round(pause / hop)) last[1] = event[1];
    else bridged.push([...event]);
    return bridged;
  }, []);
}

// Returns for each instrument how much of the song it plays in (a share and a word) and when first; and the solos. Words
// that contradict what is present begin with perhaps.
function presence(sections, seconds, present) {
  const shares = {}, words = {}, first = {};
  for (const name of about.instruments) {
    const own = sections.filter((section) => section[2] === name);
    const share = Math.min(1, own.reduce((sum, [start, end]) => sum + end - start, 0) / seconds);
    shares[name] = own.length ? Math.max(about.least, round(share, 3)) : 0;
    const word = shares[name] > 0 ? about.words.filter(([least]) => shares[name] >= least).at(-1)[1] : "absent";
    const isDoubtful = present.includes(name) ? shares[name] === 0 : shares[name] >= about.often;
    words[name] = isDoubtful ? perhaps(word) : word;
    if (own.length) first[name] = round(own[0][0], 3);
  }
  const solos = findSolos(sections).map(([start, end, name]) => [round(start, 3), round(end, 3), name]);
  return { shares, words, first_heard: first, solos };
}

// Returns the instruments with an unsure answer, and those that are little tested, where the models say so.
function uncertainty(probabilities, present) {
  const isSure = ([name, [lower, upper]]) => {
    const value = probabilities[name];
    return present.includes(name) ? upper !== null && value >= upper : lower !== null && value < lower;
  };
  const bounds = Object.entries(about.sure), unsure = bounds.filter((entry) => !isSure(entry)).map(([name]) => name);
  return { ...(bounds.length && { unsure }), ...(about.littleTested.length && { little_tested: about.littleTested }) };
}

// Returns the sections in which exactly one instrument plays.
function findSolos(sections) {
  const times = [...new Set(sections.flatMap(([start, end]) => [start, end]))].sort((first, second) => first - second);
  const solos = [];
  times.slice(1).forEach((end, index) => {
    const start = times[index], playing = sections.filter((section) => section[0] <= start && end <= section[1]);
    if (playing.length !== 1) return;
    const last = solos.at(-1);
    if (last && last[1] === start && last[2] === playing[0][2]) last[1] = end;
    else solos.push([start, end, playing[0][2]]);
  });
  return solos.filter(([start, end]) => end - start >= about.solo);
}

// A spectrogram of mean power in a limited number of columns. When there are too many, neighbours are averaged.
class StreamingSpectrogram {
  constructor(bands, mostColumns) {
    [this.bands, this.mostColumns, this.framesEach, this.held, this.columns] = [bands, mostColumns, 1, [], []];
  }

  // Adds decibels `[bands, stride]`, of each band the first `frames`.
  add(decibels, stride, frames) {
    for (let frame = 0; frame < frames; frame++) {
      const column = new Float32Array(this.bands);
      for (let band = 0; band < this.bands; band++) column[band] = 10 ** (decibels[band * stride + frame] / 10);
      this.held.push(column);
      if (this.held.length >= this.framesEach) this.columns.push(average(this.held.splice(0)));
    }
    while (this.columns.length > 2 * this.mostColumns) {
      const pairs = [];
      for (let index = 0; index + 1 < this.columns.length; index += 2) pairs.push(average(this.columns.slice(index, index + 2)));
      [this.columns, this.framesEach] = [pairs, 2 * this.framesEach];
    }
  }

  // Returns the columns of the song's first `seconds`, in decibels, column by column. `padded`: seconds of all windows.
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
