// Reads the length that a file declares, to notice files that are cut off and files that a browser decodes only partly.
// Like timbre.audio.declared_length, for the formats that browsers decode.

const TOLERANCE = 0.99; // share of a declared size that must be there: players add and remove tags at the end of files
const MAX_OGG_PAGE = 65307; // bytes
const MAX_ADTS_FRAME = 8192 + 8; // bytes, with the next frame's header
const ADTS_RATES = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350];
// Identifiers of elements in WebM.
const [EBML, SEGMENT, INFO, TRACKS, TRACK, CLUSTER] = [0x1a45dfa3, 0x18538067, 0x1549a966, 0x1654ae6b, 0xae, 0x1f43b675];
const [TIMESTAMP_SCALE, DURATION] = [0x2ad7b1, 0x4489];

// Bytes of a file, read in chunks. Bytes behind the end are missing, and count as 0.
class Bytes {
  constructor(file) {
    [this.file, this.start, this.view] = [file, 0, new DataView(new ArrayBuffer(0))];
  }

  // Makes `count` bytes from `start` on available to the other methods.
  async load(start, count) {
    const end = Math.min(start + count, this.file.size);
    if (start >= this.start && end <= this.start + this.view.byteLength) return;
    const blob = this.file.slice(start, start + Math.max(count, 65536));
    [this.start, this.view] = [start, new DataView(await blob.arrayBuffer())];
  }

  byte(at) {
    const index = at - this.start;
    return index >= 0 && index < this.view.byteLength ? this.view.getUint8(index) : 0;
  }

  // Returns a big-endian number of up to 8 bytes.
  number(at, count) {
    let value = 0;
    for (let index = 0; index < count; index++) value = 256 * value + this.byte(at + index);
    return value;
  }

  text(at, count) {
    return String.fromCharCode(...Array.from({ length: count }, (_, index) => this.byte(at + index)));
  }
}

// Returns what the file declares: its end in bytes, whether that is the end of the whole file or of its last piece, the
// seconds of its sound, and its number of audio tracks. 0: it does not declare this.
async function declaredLength(file) {
  const unknown = { end: 0, isWhole: true, seconds: 0, tracks: 0 };
  return { ...unknown, ...(await readLength(new Bytes(file)).catch(() => ({}))) }; // damaged headers declare nothing
}

async function readLength(bytes) {
  await bytes.load(0, 65536);
  const [first, second] = [bytes.text(0, 4), bytes.text(4, 4)];
  if (first === "RIFF") return { end: TOLERANCE * riffBytes(bytes) };
  if (first === "FORM") return { end: TOLERANCE * (8 + bytes.number(4, 4)) };
  if (second === "ftyp") return mp4Length(bytes);
  if (first === "OggS") return { end: await oggEnd(bytes), isWhole: false };
  if (bytes.number(0, 4) === EBML) return webmLength(bytes);
  const start = first.startsWith("ID3") ? 10 + id3Size(bytes) : 0;
  await bytes.load(start, 256);
  if (bytes.text(start, 4) === "fLaC") return { seconds: flacSeconds(bytes, start) };
  if (adtsFrame(bytes, start)) return adtsLength(bytes, start);
  return mp3Length(bytes, start);
}

// Programs write sizes from UNKNOWN_SIZE on while they do not know the size.
function riffBytes(bytes) {
  const size = bytes.view.getUint32(4, true);
  return size < UNKNOWN_SIZE ? 8 + size : 0;
}

// ISO 14496-12: 4 bytes of size, 4 of type. Size 1: the size follows in 8 bytes. Size 0: to the end of the file.
function mp4Box(bytes, at) {
  const short = bytes.number(at, 4), size = short === 1 ? bytes.number(at + 8, 8) : short;
  return size >= 8 && /^[A-Za-z0-9]{4}$/.test(bytes.text(at + 4, 4)) ? size : 0;
}

// Returns the declared end of the last box.
async function mp4End(bytes) {
  for (let at = 0; ; ) {
    await bytes.load(at, 16);
    const size = mp4Box(bytes, at);
    if (!size) return at;
    at += size;
  }
}

// Returns the start of a box's content and its end, for the first box of a type between two positions.
async function findBox(bytes, type, start, end) {
  for (let at = start; at < end; ) {
    await bytes.load(at, 64);
    const size = mp4Box(bytes, at);
    if (!size) return null;
    if (bytes.text(at + 4, 4) === type) return { start: at + (bytes.number(at, 4) === 1 ? 16 : 8), end: at + size };
    at += size;
  }
  return null;
}

async function mp4Length(bytes) {
  const end = await mp4End(bytes), moov = await findBox(bytes, "moov", 0, bytes.file.size);
  const durations = moov ? await mp4Durations(bytes, moov) : [];
  return { end, isWhole: false, seconds: durations[0] ?? 0, tracks: durations.length };
}

// Returns the seconds of each audio track: from its header (tkhd), in units of the movie's header (mvhd).
async function mp4Durations(bytes, moov) {
  const header = await findBox(bytes, "mvhd", moov.start, moov.end);
  const scale = header ? bytes.number(header.start + (bytes.byte(header.start) === 1 ? 20 : 12), 4) : 0;
  const durations = [];
  for (let at = moov.start, track; (track = await findBox(bytes, "trak", at, moov.end)); at = track.end) {
    const media = await findBox(bytes, "mdia", track.start, track.end);
    const handler = media && (await findBox(bytes, "hdlr", media.start, media.end));
    if (!handler || bytes.text(handler.start + 8, 4) !== "soun") continue;
    const own = await findBox(bytes, "tkhd", track.start, track.end), isLong = own && bytes.byte(own.start) === 1;
    const duration = own ? bytes.number(own.start + (isLong ? 28 : 20), isLong ? 8 : 4) : 0;
    const isKnown = scale && duration < (isLong ? 2 ** 63 : 2 ** 32 - 1);
    durations.push(isKnown ? duration / scale : 0);
  }
  return durations;
}

// RFC 3533: a page has a header of 27 bytes, a table with as many sizes as its last byte says, and their sum of bytes.
async function oggEnd(bytes) {
  const start = Math.max(0, bytes.file.size - 2 * MAX_OGG_PAGE);
  await bytes.load(start, 2 * MAX_OGG_PAGE);
  let page = bytes.file.size - 1;
  while (page >= start && (bytes.byte(page) !== 79 || bytes.text(page, 5) !== "OggS\0")) page--;
  if (page < start) return 0;
  const count = bytes.byte(page + 26);
  let end = page + 27 + count;
  for (let index = 0; index < count; index++) end += bytes.byte(page + 27 + index);
  return end;
}

// RFC 8794: an element has an identifier, a size and content. Both numbers start with as many zero bits as bytes follow.
function ebmlElement(bytes, at) {
  const idBytes = Math.clz32(bytes.byte(at)) - 23, sizeAt = at + idBytes, sizeBytes = Math.clz32(bytes.byte(sizeAt)) - 23;
  const firstByte = bytes.byte(sizeAt) % 2 ** (8 - sizeBytes), start = sizeAt + sizeBytes;
  const size = firstByte * 256 ** (sizeBytes - 1) + bytes.number(sizeAt + 1, sizeBytes - 1);
  const isUnknown = size >= 2 ** (7 * sizeBytes) - 1;
  return { id: bytes.number(at, idBytes), start, size: isUnknown ? Infinity : size };
}

// Returns the elements between two positions, up to the first cluster.
async function ebmlElements(bytes, start, end) {
  const elements = [];
  for (let at = start; at < end; ) {
    await bytes.load(at, 64);
    const element = ebmlElement(bytes, at);
    if (element.id === CLUSTER) break;
    elements.push(element);
    at = element.start + element.size;
  }
  return elements;
}

// WebM and Matroska declare the duration of the longest track, which is that of the sound if there is no other track.
async function webmLength(bytes) {
  const head = ebmlElement(bytes, 0), segment = ebmlElement(bytes, head.start + head.size);
  if (segment.id !== SEGMENT) return {};
  const elements = await ebmlElements(bytes, segment.start, bytes.file.size);
  const inside = async ({ start, size }) => ebmlElements(bytes, start, Math.min(start + size, bytes.file.size));
  const [info, tracks] = [INFO, TRACKS].map((id) => elements.find((element) => element.id === id));
  if (!info || !tracks) return {};
  const isAlone = (await inside(tracks)).filter(({ id }) => id === TRACK).length === 1;
  const details = await inside(info), find = (id) => details.find((element) => element.id === id);
  const scale = find(TIMESTAMP_SCALE), duration = find(DURATION);
  if (!isAlone || !duration) return {};
  await bytes.load(info.start, info.size);
  const at = duration.start - bytes.start, { view } = bytes;
  const units = duration.size === 4 ? view.getFloat32(at) : view.getFloat64(at);
  return { seconds: (units * (scale ? bytes.number(scale.start, scale.size) : 1e6)) / 1e9 };
}

// Returns the size of an ID3v2 tag in front of the file, without its header.
function id3Size(bytes) {
  return [6, 7, 8, 9].reduce((size, at) => 128 * size + (bytes.byte(at) & 127), 0);
}

// RFC 9639: after 18 bytes, 20 bits of rate, 3 of channels, 5 of bits per sample, 36 of samples.
function flacSeconds(bytes, start) {
  const rate = bytes.number(start + 18, 3) >> 4, samples = bytes.number(start + 21, 5) % 2 ** 36;
  return rate ? samples / rate : 0;
}

// AAC in ADTS (ISO 13818-7) is a row of frames of 1024 samples. After damage, it goes on at the next two frames.
async function adtsLength(bytes, start) {
  const rate = ADTS_RATES[(bytes.byte(start + 2) >> 2) & 15];
  let at = start, end = start, frames = 0;
  while (at < bytes.file.size) {
    await bytes.load(at, MAX_ADTS_FRAME);
    const size = adtsFrame(bytes, at), next = at + size;
    if (size && (next >= bytes.file.size || adtsFrame(bytes, next))) [at, end, frames] = [next, next, frames + 1];
    else at++;
  }
  return { end, isWhole: false, seconds: rate ? (1024 * frames) / rate : 0 };
}

// Returns the bytes of a frame, or 0 if there is none.
function adtsFrame(bytes, at) {
  if (bytes.byte(at) !== 0xff || (bytes.byte(at + 1) & 0xf6) !== 0xf0) return 0;
  return (bytes.number(at + 3, 3) >> 5) & 0x1fff;
}

// An MP3 file may declare its bytes in the first frame, in a tag called Xing or Info, after its number of frames.
// Source: Gabriel Bouvigne, "MP3 Info Tag revision 1".
function mp3Length(bytes, start) {
  if (bytes.byte(start) !== 0xff || (bytes.byte(start + 1) & 0xe6) !== 0xe2) return {}; // not layer III
  const tag = /Xing|Info/.exec(bytes.text(start, 80)), at = start + (tag?.index ?? 0);
  return tag && (bytes.byte(at + 7) & 3) === 3 ? { end: start + TOLERANCE * bytes.number(at + 12, 4) } : {};
}
