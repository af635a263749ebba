// Sound as blocks of one channel at one rate, as timbre.audio has it: WAV in pieces, so that any length fits, faults
// taken out, resampled. Nothing here knows of pages or models.

class SoundError extends Error {}

const BLOCK_SECONDS = 10;
const OFFSET = 0.1; // of the root mean square: a smaller constant does no harm
const OPPOSED = -0.5; // correlation with the loudest channel, from which on a channel is turned round
const SILENCE = 5e-4; // what stands above nothing but this is no click
const CLICK = 10; // times all that is around it
const CELLS_PER_SECOND = 1500;
const REACH = 8; // cells on either side of a click that are compared
const MOST = 1e6; // of a sample, full scale at 1: what lies beyond is no sound
const ZEROS = 72; // zero crossings of the resampler's kernel on either side
const PASS = 0.956; // of the lower of both rates, the middle of its slope: as soxr's HQ
const BETA = 10; // of its Kaiser window: 100 dB

// The blocks of a WAV file, arrays of channels, at its own rate; null where it is no WAV or none of plain samples.
async function openWav(file) {
  const bytes = async (start, count) => new DataView(await file.slice(start, start + count).arrayBuffer());
  const name = (view, at) => String.fromCharCode(...[0, 1, 2, 3].map((index) => view.getUint8(at + index)));
  const head = await bytes(0, 12);
  if (head.byteLength < 12 || name(head, 0) !== "RIFF" || name(head, 8) !== "WAVE") return null;
  let at = 12, format = null;
  for (;;) {
    const chunk = await bytes(at, 8);
    if (chunk.byteLength < 8) throw new SoundError("holds no sound");
    const kind = name(chunk, 0), size = chunk.getUint32(4, true);
    if (kind === "data") return wavBlocks(file, format, at + 8, size);
    if (kind === "fmt ") format = wavFormat(await bytes(at + 8, Math.min(size, 40)));
    at += 8 + size + (size % 2);
  }
}

function wavFormat(view) {
  if (view.byteLength < 16) throw new SoundError("is damaged");
  const tag = view.getUint16(0, true);
  const kind = tag === 0xfffe && view.byteLength >= 26 ? view.getUint16(24, true) : tag;
  return { kind, channels: view.getUint16(2, true), rate: view.getUint32(4, true), bits: view.getUint16(14, true) };
}

// Readers of one sample, full scale at 1, by kind (1: integers, 3: floats) and bits.
const SAMPLES = {
  "1/8": (view, at) => (view.getUint8(at) - 128) / 128,
  "1/16": (view, at) => view.getInt16(at, true) / 32768,
  "1/24": (view, at) => (view.getUint8(at) | (view.getUint8(at + 1) << 8) | (view.getInt8(at + 2) << 16)) / 8388608,
  "1/32": (view, at) => view.getInt32(at, true) / 2147483648,
  "3/32": (view, at) => view.getFloat32(at, true),
  "3/64": (view, at) => view.getFloat64(at, true),
};

function wavBlocks(file, format, start, size) {
  const read = format && SAMPLES[`${format.kind}/${format.bits}`];
  if (!read || !format.channels || format.rate < 1000) return null;
  const step = format.bits / 8, frame = step * format.channels;
  const isOpen = size === 0 || size >= 0x7ffff000; // what programs write that do not know it yet
  if (!isOpen && start + 0.99 * size > file.size) throw new SoundError("is cut off");
  const end = isOpen ? file.size : Math.min(start + size, file.size);
  async function* blocks() {
    const length = BLOCK_SECONDS * format.rate * frame;
    for (let at = start; at + frame <= end; at += length) {
      const view = new DataView(await file.slice(at, Math.min(at + length, end)).arrayBuffer());
      const frames = Math.floor(view.byteLength / frame);
      const channels = Array.from({ length: format.channels }, () => new Float32Array(frames));
      channels.forEach((channel, number) => {
        for (let index = 0; index < frames; index++) {
          const value = read(view, index * frame + number * step);
          channel[index] = Number.isFinite(value) ? Math.max(-MOST, Math.min(MOST, value)) : NaN;
        }
      });
      yield channels;
    }
  }
  return { rate: format.rate, seconds: (end - start) / frame / format.rate, blocks: blocks() };
}

// The rate that a FLAC or Ogg Vorbis file says it has, so that a browser need not resample; of others the usual one.
async function rateOf(file) {
  const view = new DataView(await file.slice(0, 64).arrayBuffer());
  const at = (place, text) => view.byteLength >= 64 && [...text].every((letter, index) => view.getUint8(place + index) === letter.charCodeAt(0));
  const rate = at(0, "fLaC") ? view.getUint32(18) >>> 12 : at(29, "vorbis") ? view.getUint32(40, true) : 44100;
  return rate >= 8000 && rate <= 96000 ? rate : 44100; // what a browser's decoder takes
}

// The blocks of decoded channels.
async function* inBlocks(channels, rate) {
  for (let at = 0; at < channels[0].length; at += BLOCK_SECONDS * rate) {
    yield channels.map((channel) => channel.subarray(at, at + BLOCK_SECONDS * rate));
  }
}

// One channel at another rate, its faults taken out.
async function* prepared(blocks, rate, wanted) {
  const click = new ClickRemover(rate), resampler = new Resampler(rate, wanted);
  let offsets = null;
  for await (const channels of blocks) {
    const peak = Math.max(...channels.map(peakOf));
    if (!Number.isFinite(peak)) throw new SoundError("holds values that are not finite");
    if (!offsets && peak > 0) offsets = channels.map(offsetOf);
    if (offsets) channels.forEach((channel, index) => subtract(channel, offsets[index] ?? 0));
    yield resampler.push(click.push(mono(channels)));
  }
  yield resampler.push(click.flush());
  yield resampler.flush();
}

// The greatest of a channel's samples, without their signs; not a number where one is none.
function peakOf(channel) {
  let peak = 0;
  for (let index = 0; index < channel.length; index++) {
    const size = Math.abs(channel[index]);
    if (!(size <= peak)) peak = size;
    if (size !== size) return NaN;
  }
  return peak;
}

function offsetOf(channel) {
  let sum = 0, squares = 0;
  for (const value of channel) (sum += value), (squares += value * value);
  const bound = OFFSET * Math.sqrt(squares / channel.length), mean = sum / channel.length;
  if (Math.abs(mean) < bound) return 0;
  const sorted = channel.slice().sort(), half = channel.length >> 1;
  const median = channel.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  const offset = Math.abs(mean) < Math.abs(median) ? mean : median;
  return Math.abs(offset) >= bound ? offset : 0;
}

function subtract(channel, offset) {
  if (offset) for (let index = 0; index < channel.length; index++) channel[index] -= offset;
}

function product(one, other) {
  let sum = 0;
  for (let index = 0; index < one.length; index++) sum += one[index] * other[index];
  return sum;
}

// The mean of channels, those turned round first that would cancel the loudest.
function mono(channels) {
  if (channels.length === 1) return channels[0];
  const power = channels.map((channel) => product(channel, channel));
  const loudest = power.indexOf(Math.max(...power)), total = new Float32Array(channels[0].length);
  channels.forEach((channel, number) => {
    const isOpposed = product(channels[loudest], channel) < OPPOSED * Math.sqrt(power[number] * power[loudest]);
    const factor = (isOpposed ? -1 : 1) / channels.length;
    for (let index = 0; index < total.length; index++) total[index] += factor * channel[index];
  });
  return total;
}

function joined(first, second) {
  if (!first.length) return second;
  const both = new Float32Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

// Brings single samples that stand far above all around them down to that, block after block.
class ClickRemover {
  constructor(rate) {
    this.cell = Math.max(1, Math.round(rate / CELLS_PER_SECOND));
    this.around = REACH * this.cell;
    this.held = new Float32Array(this.around);
  }

  push(block) {
    this.held = joined(this.held, block);
    const end = Math.floor((this.held.length - this.around) / this.cell) * this.cell;
    if (end <= this.around) return new Float32Array(0);
    const done = this.mended(this.held.slice(0, end + this.around)).subarray(this.around, end);
    this.held = this.held.slice(end - this.around);
    return done;
  }

  flush() {
    const rest = this.held.length - this.around;
    if (rest <= 0) return new Float32Array(0);
    const cells = Math.ceil(this.held.length / this.cell) * this.cell;
    const padded = new Float32Array(cells + this.around);
    padded.set(this.held);
    return this.mended(padded).subarray(this.around, this.around + rest);
  }

  mended(samples) {
    const { cell } = this, count = Math.ceil(samples.length / cell), peaks = new Float32Array(count);
    for (let place = 0, index = 0; place < count; place++) {
      let peak = 0;
      for (const end = Math.min(index + cell, samples.length); index < end; index++) {
        const size = Math.abs(samples[index]);
        if (size > peak) peak = size;
      }
      peaks[place] = peak;
    }
    const floor = CLICK * SILENCE, beyond = [];
    for (let place = 0; place < count; place++) {
      if (peaks[place] <= floor) continue;
      let around = 0;
      for (let step = -REACH; step <= REACH; step++) {
        if (Math.abs(step) > 1) around = Math.max(around, peaks[place + step] ?? 0);
      }
      if (peaks[place] <= CLICK * Math.max(around, SILENCE)) continue;
      for (let index = place * cell; index < Math.min((place + 1) * cell, samples.length); index++) {
        if (Math.abs(samples[index]) > 1) beyond.push(index);
        else samples[index] = Math.max(-around, Math.min(around, samples[index]));
      }
    }
    bridge(samples, beyond);
    return samples;
  }
}

// Puts a line in place of samples at some places, from what stands before each run of them to what stands behind.
function bridge(samples, places) {
  for (let first = 0; first < places.length; ) {
    let last = first;
    while (places[last + 1] === places[last] + 1) last++;
    const [start, end] = [places[first] - 1, places[last] + 1];
    const [before, behind] = [samples[start] ?? samples[end] ?? 0, samples[end] ?? samples[start] ?? 0];
    for (let place = start + 1; place < end; place++) {
      samples[place] = before + ((behind - before) * (place - start)) / (end - start);
    }
    first = last + 1;
  }
}

// A stream at another rate, by a windowed sinc for each phase between the two.
class Resampler {
  constructor(rate, wanted) {
    const divide = (one, other) => (other ? divide(other, one % other) : one);
    const common = divide(Math.round(rate), wanted);
    [this.up, this.down] = [wanted / common, Math.round(rate) / common];
    this.scale = PASS * Math.min(1, wanted / rate); // of the kernel's bandwidth, in input's
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
    this.input = joined(this.input, block);
    const last = this.first + this.input.length - 1 - this.half; // the latest input that all is known around
    const count = Math.max(0, Math.floor(((last + 1) * this.up - 1) / this.down) + 1 - this.next);
    const output = new Float32Array(count);
    for (let index = 0; index < count; index++) {
      const place = (this.next + index) * this.down, centre = Math.floor(place / this.up);
      const taps = this.kernel(place % this.up), start = centre - this.half - this.first;
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
