// The worker: songs one after another through the network, which onnxruntime-web runs; and the microphone's last seconds.
// `runtime`, `about`, sound.js and song.js stand before this text: see app.js.

let network = null;

// Runs the network on one window; outputs by name, as typed arrays, and the number of frames of its mels.
async function hear(samples) {
  const waveforms = new runtime.Tensor("float32", samples, [1, samples.length]);
  const outputs = await network.run({ waveforms });
  const named = Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, tensor.data]));
  return [named, outputs.mels.dims[2]];
}

// Hears a song from its blocks; tells how far it is.
async function listen(id, name, blocks, rate, whole) {
  const length = about.window * about.rate, output = new SongOutput(about);
  let rest = new Float32Array(0), samples = 0;
  for await (const block of prepared(blocks, rate, about.rate)) {
    samples += block.length;
    rest = joined(rest, block);
    for (; rest.length >= length; rest = rest.slice(length)) {
      const window = rest.slice(0, length);
      output.add(window, ...(await hear(window)));
      postMessage({ id, heard: (output.windows.length * about.window) / whole });
    }
  }
  if (!samples) throw new SoundError("is empty");
  if (rest.length) {
    const window = new Float32Array(length);
    window.set(rest);
    output.add(window, ...(await hear(window)));
  }
  return output.answer(name, samples);
}

// A song that is a WAV file is read here in pieces; of any other the page is asked for what its browser decodes.
async function listenToFile({ id, file }) {
  if (!file.size) throw new SoundError("is empty");
  const wav = await openWav(file);
  if (wav) return listen(id, file.name, wav.blocks, wav.rate, wav.seconds);
  postMessage({ id, undecoded: true, rate: await rateOf(file) });
  return null;
}

async function listenToChannels({ id, name, channels, rate }) {
  return listen(id, name, inBlocks(channels, rate), rate, channels[0].length / rate);
}

// The microphone: what its last seconds hold. Pieces that come while one is heard are heard together.
const microphone = { resampler: null, held: new Float32Array(0), isBusy: false };

async function listenToMicrophone({ samples, rate }) {
  if (samples === null) return Object.assign(microphone, { resampler: null, held: new Float32Array(0) });
  microphone.resampler ??= new Resampler(rate, about.rate);
  microphone.held = joined(microphone.held, microphone.resampler.push(samples)).slice(-about.window * about.rate);
  if (microphone.isBusy || microphone.held.length < about.rate / 2) return null;
  microphone.isBusy = true;
  const window = microphone.held.slice(), [{ cells, mels }, frames] = await hear(window);
  microphone.isBusy = false;
  const count = about.instruments.length, pieces = cells.length / count;
  const levels = levelsOf(window, about, pieces);
  const isLoud = Math.max(...levels.slice(-about.recent)) >= 10 * about.silence;
  const latest = about.instruments.map((_, label) => {
    const values = Array.from({ length: about.recent }, (_, back) => cells[(pieces - 1 - back) * count + label]);
    return isLoud ? mean(values.filter((value) => value !== undefined)) : 0;
  });
  const column = Float32Array.from({ length: about.bands }, (_, band) => mels[band * frames + frames - 2]);
  return postMessage({ latest, column });
}

let turn = Promise.resolve();

function inTurn(work, message) {
  turn = turn.then(async () => {
    try {
      const answer = await work(message);
      if (answer) postMessage({ id: message.id, answer });
    } catch (error) {
      const reason = error instanceof SoundError ? error.message : `cannot be heard (${error.message ?? error})`;
      postMessage({ id: message.id, error: reason });
    }
  });
}

onmessage = async ({ data }) => {
  if (data.model) {
    try {
      runtime.env.wasm.numThreads = 1;
      runtime.env.wasm.wasmBinary = data.wasm;
      network = await runtime.InferenceSession.create(data.model, { executionProviders: ["wasm"] });
      postMessage({ ready: true });
    } catch (error) {
      postMessage({ broken: String(error.message ?? error) });
    }
  } else if (data.microphone) listenToMicrophone(data.microphone).catch((error) => postMessage({ broken: error.message }));
  else inTurn(data.channels ? listenToChannels : listenToFile, data);
};
