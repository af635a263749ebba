// Finds the songs in dropped files and folders, like `timbre predict FOLDER`: by suffix, without hidden files.

// Returns `{ name, file }` for each song, or `{ name, error }`. Must be called in the event's handler, because the
// browser then forgets the dropped items.
async function droppedSongs(items) {
  // Chromium reads folders on a page from a disk only with handles. Other browsers have only entries.
  const open = (item) => (item.getAsFileSystemHandle ? item.getAsFileSystemHandle() : item.webkitGetAsEntry());
  const nodes = await Promise.all([...items].filter(({ kind }) => kind === "file").map(open));
  const find = (node) => (isFolder(node) ? songsInFolder(node) : songOf(node, node.name));
  return (await Promise.all(nodes.filter(Boolean).map(find))).flat();
}

const isFolder = (node) => node.kind === "directory" || node.isDirectory === true;
const isSong = ({ name }) => about.suffixes.some((suffix) => name.toLowerCase().endsWith(suffix));

async function songOf(node, name) {
  try {
    return { name, file: node.getFile ? await node.getFile() : await new Promise((done, fail) => node.file(done, fail)) };
  } catch (error) {
    return { name, error: `cannot be read (${error.message})` };
  }
}

// Returns the songs of a folder and of the folders in it. The files of a folder come before those of its folders.
async function songsInFolder(folder) {
  const songs = await songsBelow(folder, folder.name);
  return songs.length ? songs : [{ name: folder.name, error: "holds no audio files" }];
}

async function songsBelow(folder, path) {
  let children;
  try {
    children = await childrenOf(folder);
  } catch (error) {
    return [{ name: path, error: `cannot be searched (${error.message})` }];
  }
  const shown = children.filter(({ name }) => !name.startsWith("."));
  shown.sort((first, second) => (first.name < second.name ? -1 : 1));
  const files = shown.filter((child) => !isFolder(child) && isSong(child));
  const songs = await Promise.all(files.map((child) => songOf(child, `${path}/${child.name}`)));
  for (const child of shown.filter(isFolder)) songs.push(...(await songsBelow(child, `${path}/${child.name}`)));
  return songs;
}

async function childrenOf(folder) {
  const children = [];
  if (folder.values) {
    for await (const child of folder.values()) children.push(child);
    return children;
  }
  for (const reader = folder.createReader(); ; ) {
    const batch = await new Promise((done, fail) => reader.readEntries(done, fail)); // at most 100 at once
    if (!batch.length) return children;
    children.push(...batch);
  }
}
