// Turns blocks of channels into one channel at the models' rate, as timbre.audio does: removes offsets and clicks, mixes
// the channels, resamples. Constants that Python shares come from `about`.

const ZEROS = 72; // zero crossings of the resampler's kernel on each side
const PASS = 0.956; // middle of the filter's slope, as a fraction of the lower rate; like soxr's HQ quality
const BETA = 10; // of the Kaiser window: 100 dB

// Cuts decoded channels into blocks.
async function* inBlocks(channels, rate) {
  const length = about.blockSeconds * rate;
  for (let at = 0; at < channels[0].length; at += length) {
    yield channels.map((channel) => channel.subarray(at, at + length));
  }
}

// Yields one repaired channel at another rate.
async function* prepare(blocks, rate, wantedRate) {
  const clickRemover = new ClickRemover(rate), resampler = new Resampler(rate, wantedRate);
  let offsets = null;
  for await (const channels of blocks) {
    const peak = Math.max(...channels.map(peakOf));
    if (!Number.isFinite(peak)) throw new SoundError("holds values that are not finite");
    if (!offsets && peak > 0) offsets = channels.map(offsetOf);
    if (offsets) channels.forEach((channel, index) => subtract(channel, offsets[index] ?? 0));
    yield resampler.push(clickRemover.push(toMono(channels)));
  }
  yield resampler.push(clickRemover.flush());
  yield resampler.flush();
}

// Returns the largest absolute sample of a channel, or NaN if one sample is not a number.
function peakOf(channel) {
  let peak = 0;
  for (let index = 0; index < channel.length; index++) {
    const size = Math.abs(channel[index]);
    if (!(size <= peak)) peak = size;
    if (size !== size) return NaN;
  }
  return peak;
}

// Returns the constant in a channel, or 0 if it is too small to matter. See `offset_of` in timbre.audio.repair.
function offsetOf(channel) {
  let sum = 0, squares = 0;
  for (const value of channel) (sum += value), (squares += value * value);
  const bound = about.offset * Math.sqrt(squares / channel.length), mean = sum / channel.length;
  if (Math.abs(mean) < bound) return 0;
  const sorted = channel.slice().sort(), half = channel.length >> 1;
  const median = channel.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  const offset = Math.abs(mean) < Math.abs(median) ? mean : median;
  return Math.abs(offset) >= bound ? offset : 0;
}

function subtract(channel, offset) {
  if (offset) for (let index = 0; index < channel.length; index++) channel[index] -= offset;
}

function dotProduct(first, second) {
  let sum = 0;
  for (let index = 0; index < first.length; index++) sum += first[index] * second[index];
  return sum;
}

// Returns the mean of the channels. Channels that would cancel the loudest one are inverted first.
function toMono(channels) {
  if (channels.length === 1) return channels[0];
  const power = channels.map((channel) => dotProduct(channel, channel));
  const loudest = power.indexOf(Math.max(...power)), total = new Float32Array(channels[0].length);
  channels.forEach((channel, number) => {
    const product = dotProduct(channels[loudest], channel);
    const isOpposed = product < about.opposed * Math.sqrt(power[number] * power[loudest]);
    const factor = (isOpposed ? -1 : 1) / channels.length;
    for (let index = 0; index < total.length; index++) total[index] += factor * channel[index];
  });
  return total;
}

function concatenate(first, second) {
  if (!first.length) return second;
  const both = new Float32Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

// Lowers single samples that are far louder than everything around them, block by block.
class ClickRemover {
  constructor(rate) {
    this.cell = Math.max(1, Math.round(rate / about.clickCellsPerSecond));
    this.around = about.clickReach * this.cell;
    this.held = new Float32Array(this.around);
  }

  push(block) {
    this.held = concatenate(this.held, block);
    const end = Math.floor((this.held.length - this.around) / this.cell) * this.cell;
    if (end <= this.around) return new Float32Array(0);
    const done = this.repair(this.held.slice(0, end + this.around)).subarray(this.around, end);
    this.held = this.held.slice(end - this.around);
    return done;
  }

  flush() {
    const rest = this.held.length - this.around;
    if (rest <= 0) return new Float32Array(0);
    const cells = Math.ceil(this.held.length / this.cell) * this.cell;
    const padded = new Float32Array(cells + this.around);
    padded.set(this.held);
    return this.repair(padded).subarray(this.around, this.around + rest);
  }

  // Repairs samples in place. A click inside full scale is limited to its surroundings; beyond it, it is interpolated.
  repair(samples) {
    const { cell } = this, peaks = cellPeaks(samples, cell), beyond = [];
    for (let row = 0; row < peaks.length; row++) {
      if (peaks[row] <= about.click * about.silence) continue;
      const around = peakAround(peaks, row);
      if (peaks[row] <= about.click * Math.max(around, about.silence)) continue;
      for (let index = row * cell; index < Math.min((row + 1) * cell, samples.length); index++) {
        if (Math.abs(samples[index]) > about.fullScale) beyond.push(index);
        else samples[index] = Math.max(-around, Math.min(around, samples[index]));
      }
    }
    interpolate(samples, beyond);
    return samples;
  }
}

// Returns the largest absolute sample of each cell.
function cellPeaks(samples, cell) {
  const peaks = new Float32Array(Math.ceil(samples.length / cell));
  for (let row = 0, index = 0; row < peaks.length; row++) {
    let peak = 0;
    for (const end = Math.min(index + cell, samples.length); index < end; index++) {
      const size = Math.abs(samples[index]);
      if (size > peak) peak = size;
    }
    peaks[row] = peak;
  }
  return peaks;
}

// Returns the largest peak near a cell. The next cells on both sides are left out, because a click may reach into them.
function peakAround(peaks, row) {
  const reach = about.clickReach;
  let around = 0;
  for (let step = -reach; step <= reach; step++) {
    if (Math.abs(step) > 1) around = Math.max(around, peaks[row + step] ?? 0);
  }
  return around;
}

// Replaces samples at rising indices by straight lines between their neighbours.
function interpolate(samples, indices) {
  for (let first = 0; first < indices.length; ) {
    let last = first;
    while (indices[last + 1] === indices[last] + 1) last++;
    const [start, end] = [indices[first] - 1, indices[last] + 1];
    const [before, after] = [samples[start] ?? samples[end] ?? 0, samples[end] ?? samples[start] ?? 0];
    for (let index = start + 1; index < end; index++) {
      samples[index] = before + ((after - before) * (index - start)) / (end - start);
    }
    first = last + 1;
  }
}

// Resamples a stream with a windowed sinc for each phase between the two rates.
class Resampler {
  constructor(rate, wantedRate) {
    const divisor = (larger, smaller) => (smaller ? divisor(smaller, larger % smaller) : larger);
    const common = divisor(Math.round(rate), wantedRate);
    [this.up, this.down] = [wantedRate / common, Math.round(rate) / common];
    this.scale = PASS * Math.min(1, wantedRate / rate); // the kernel's bandwidth, relative to the input's
    this.half = Math.ceil(ZEROS / this.scale);
    this.kernels = new Map();
    [this.input, this.first, this.next] = [new Float32Array(this.half), -this.half, 0];
  }

  kernel(phase) {
    if (!this.kernels.has(phase)) {
      const taps = new Float32Array(2 * this.half + 1);
      for (let tap = -this.half; tap <= this.half; tap++) {
        const x = (tap - phase / this.up) * this.scale, edge = x / ZEROS;
        const sinc = x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
        if (Math.abs(edge) < 1) taps[tap + this.half] = this.scale * sinc * kaiser(edge);
      }
      this.kernels.set(phase, taps);
    }
    return this.kernels.get(phase);
  }

  push(block) {
    if (this.up === this.down) return block;
    this.input = concatenate(this.input, block);
    const last = this.first + this.input.length - 1 - this.half; // the last sample with a full kernel around it
    const count = Math.max(0, Math.floor(((last + 1) * this.up - 1) / this.down) + 1 - this.next);
    const output = new Float32Array(count);
    for (let index = 0; index < count; index++) {
      const position = (this.next + index) * this.down, centre = Math.floor(position / this.up);
      const taps = this.kernel(position % this.up), start = centre - this.half - this.first;
      let sum = 0;
      for (let tap = 0; tap < taps.length; tap++) sum += taps[tap] * this.input[start + tap];
      output[index] = sum;
    }
    this.next += count;
    const keep = Math.floor((this.next * this.down) / this.up) - this.half - this.first;
    if (keep > 0) [this.input, this.first] = [this.input.slice(keep), this.first + keep];
    return output;
  }

  flush() {
    return this.push(new Float32Array(this.up === this.down ? 0 : this.half));
  }
}

function kaiser(edge) {
  return bessel(BETA * Math.sqrt(1 - edge * edge)) / bessel(BETA);
}

function bessel(x) {
  let sum = 1, term = 1;
  for (let k = 1; term > 1e-12 * sum; k++) sum += term *= (x / (2 * k)) ** 2;
  return sum;
}
