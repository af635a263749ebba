// The worker: runs the network with onnxruntime-web, on one song after another and on the microphone's last seconds.
// app.js puts `runtime`, `about`, wav.js, length.js, sound.js, words.js and song.js in front of this text.

let network = null;

// Runs the network on one window. Returns its outputs by name, as typed arrays, and the number of mel frames.
async function runNetwork(samples) {
  const outputs = await network.run({ waveforms: tensorOf(samples) });
  const arrays = Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, tensor.data]));
  return [arrays, outputs.mels.dims[2]];
}

const tensorOf = (samples) => new runtime.Tensor("float32", samples, [1, samples.length]);

// Adds a window to a song's output, and before it the activity in a shorter window across the border between both.
async function addWindow(output, samples) {
  const border = Math.round(about.border * samples.length);
  if (output.end) {
    const waveforms = tensorOf(concatenate(output.end, samples.slice(0, border)));
    output.addBorder((await network.run({ waveforms }, ["timeline"])).timeline.data);
  }
  output.end = samples.slice(-border);
  output.add(samples, ...(await runNetwork(samples)));
}

// Predicts a song from its blocks and posts its progress.
async function predict(id, name, blocks, rate, seconds) {
  const length = about.window * about.rate, output = new SongOutput();
  let rest = new Float32Array(0), samples = 0;
  for await (const block of prepare(blocks, rate, about.rate)) {
    samples += block.length;
    rest = concatenate(rest, block);
    for (; rest.length >= length; rest = rest.slice(length)) {
      await addWindow(output, rest.slice(0, length));
      postMessage({ id, progress: (output.windows.length * about.window) / seconds });
    }
  }
  if (!samples) throw new SoundError("is empty");
  if (rest.length) {
    const window = new Float32Array(length);
    window.set(rest);
    await addWindow(output, window);
  }
  return output.result(name, samples);
}

// Reads WAV files here, in blocks. Asks the page to decode any other file.
async function predictFile({ id, name, file }) {
  if (!file.size) throw new SoundError("is empty");
  const wav = await openWav(file);
  if (wav) return predict(id, name, wav.blocks, wav.rate, wav.seconds);
  postMessage({ id, toDecode: { rate: await declaredRate(file), declared: await declaredLength(file) } });
  return null;
}

async function predictChannels({ id, name, channels, rate }) {
  return predict(id, name, inBlocks(channels, rate), rate, channels[0].length / rate);
}

// The microphone's last seconds. Samples that arrive while the network runs wait for the next run.
const microphone = { resampler: null, held: new Float32Array(0), isBusy: false };

async function predictMicrophone({ samples, rate }) {
  if (samples === null) return Object.assign(microphone, { resampler: null, held: new Float32Array(0) });
  microphone.resampler ??= new Resampler(rate, about.rate);
  const held = concatenate(microphone.held, microphone.resampler.push(samples));
  microphone.held = held.slice(-about.window * about.rate);
  if (microphone.isBusy || microphone.held.length < about.rate / 2) return null;
  microphone.isBusy = true;
  const window = microphone.held.slice(), [{ cells, mels }, melFrames] = await runNetwork(window);
  microphone.isBusy = false;
  const column = Float32Array.from({ length: about.bands }, (_, band) => mels[band * melFrames + melFrames - 2]);
  return postMessage({ latest: latestProbabilities(window, cells), column });
}

// Returns each instrument's mean probability over the window's last frames, or 0 in near silence.
function latestProbabilities(window, cells) {
  const count = about.instruments.length, frames = cells.length / count;
  const levels = frameLevels(window, frames);
  const isLoud = Math.max(...levels.slice(-about.microphoneSteps)) >= 10 * about.silence;
  return about.instruments.map((_, label) => {
    const values = Array.from({ length: about.microphoneSteps }, (_, back) => cells[(frames - 1 - back) * count + label]);
    return isLoud ? mean(values.filter((value) => value !== undefined)) : 0;
  });
}

let queue = Promise.resolve();

// Runs a task after all earlier ones, and posts its result or its error.
function enqueue(task, message) {
  queue = queue.then(async () => {
    try {
      const result = await task(message);
      if (result) postMessage({ id: message.id, result });
    } catch (error) {
      const reason = error instanceof SoundError ? error.message : `cannot be predicted (${error.message ?? error})`;
      postMessage({ id: message.id, error: reason });
    }
  });
}

async function startNetwork({ wasm, model }) {
  try {
    runtime.env.wasm.numThreads = 1;
    runtime.env.wasm.wasmBinary = wasm;
    network = await runtime.InferenceSession.create(model, { executionProviders: ["wasm"] });
    postMessage({ isReady: true });
  } catch (error) {
    postMessage({ failure: String(error.message ?? error) });
  }
}

onmessage = ({ data }) => {
  if (data.model) startNetwork(data);
  else if (data.microphone) predictMicrophone(data.microphone).catch((error) => postMessage({ failure: error.message }));
  else if (data.channels) enqueue(predictChannels, data);
  else enqueue(predictFile, data);
};
