// Reads a WAV file block by block, so a file of any length fits in memory.

class SoundError extends Error {}

const UNKNOWN_SIZE = 0x7ffff000; // programs write sizes from here on while they do not know the size

// Opens a WAV file of plain samples. Returns its rate, its length in seconds and its blocks (arrays of channels), or
// null for any other file.
async function openWav(file) {
  const read = async (start, count) => new DataView(await file.slice(start, start + count).arrayBuffer());
  const name = (view, at) => String.fromCharCode(...[0, 1, 2, 3].map((index) => view.getUint8(at + index)));
  const head = await read(0, 12);
  if (head.byteLength < 12 || name(head, 0) !== "RIFF" || name(head, 8) !== "WAVE") return null;
  let at = 12, format = null;
  for (;;) {
    const chunk = await read(at, 8);
    if (chunk.byteLength < 8) throw new SoundError("holds no sound");
    const kind = name(chunk, 0), size = chunk.getUint32(4, true);
    if (kind === "data") return wavBlocks(file, format, at + 8, size);
    if (kind === "fmt ") format = wavFormat(await read(at + 8, Math.min(size, 40)));
    at += 8 + size + (size % 2);
  }
}

function wavFormat(view) {
  if (view.byteLength < 16) throw new SoundError("is damaged");
  const tag = view.getUint16(0, true);
  const kind = tag === 0xfffe && view.byteLength >= 26 ? view.getUint16(24, true) : tag; // 0xfffe: the kind comes later
  return { kind, channels: view.getUint16(2, true), rate: view.getUint32(4, true), bits: view.getUint16(14, true) };
}

// Readers of one sample, full scale at 1, by kind (1: integers, 3: floats) and bits.
const SAMPLE_READERS = {
  "1/8": (view, at) => (view.getUint8(at) - 128) / 128,
  "1/16": (view, at) => view.getInt16(at, true) / 32768,
  "1/24": (view, at) => (view.getUint8(at) | (view.getUint8(at + 1) << 8) | (view.getInt8(at + 2) << 16)) / 8388608,
  "1/32": (view, at) => view.getInt32(at, true) / 2147483648,
  "3/32": (view, at) => view.getFloat32(at, true),
  "3/64": (view, at) => view.getFloat64(at, true),
};

function wavBlocks(file, format, start, size) {
  const readSample = format && SAMPLE_READERS[`${format.kind}/${format.bits}`];
  if (!readSample || !format.channels || format.rate < 1000) return null;
  const sampleBytes = format.bits / 8, frameBytes = sampleBytes * format.channels;
  const isOpen = size === 0 || size >= UNKNOWN_SIZE;
  const secondsOf = (bytes) => bytes / frameBytes / format.rate;
  if (!isOpen && start + TOLERANCE * size > file.size) {
    const [present, declared] = [secondsOf(file.size - start).toFixed(1), secondsOf(size).toFixed(1)];
    throw new SoundError(`is cut off: ${present} of ${declared} s are there`);
  }
  const end = isOpen ? file.size : Math.min(start + size, file.size);
  async function* blocks() {
    const { blockSeconds, maxSample } = about, blockBytes = blockSeconds * format.rate * frameBytes;
    for (let at = start; at + frameBytes <= end; at += blockBytes) {
      const view = new DataView(await file.slice(at, Math.min(at + blockBytes, end)).arrayBuffer());
      const frames = Math.floor(view.byteLength / frameBytes);
      const channels = Array.from({ length: format.channels }, () => new Float32Array(frames));
      channels.forEach((channel, number) => {
        for (let index = 0; index < frames; index++) {
          const value = readSample(view, index * frameBytes + number * sampleBytes);
          channel[index] = Number.isFinite(value) ? Math.max(-maxSample, Math.min(maxSample, value)) : NaN;
        }
      });
      yield channels;
    }
  }
  return { rate: format.rate, seconds: secondsOf(end - start), blocks: blocks() };
}

// Returns the sample rate that a FLAC or Ogg Vorbis file declares, so that the browser need not resample it. For other
// files, returns the most common rate.
async function declaredRate(file) {
  const view = new DataView(await file.slice(0, 64).arrayBuffer());
  const hasText = (at, text) =>
    view.byteLength >= 64 && [...text].every((letter, index) => view.getUint8(at + index) === letter.charCodeAt(0));
  const rate = hasText(0, "fLaC") ? view.getUint32(18) >>> 12 : hasText(29, "vorbis") ? view.getUint32(40, true) : 44100;
  return rate >= 8000 && rate <= 96000 ? rate : 44100; // the range that a browser's decoder accepts
}
