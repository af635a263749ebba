// The result of a song in words: its summary, and a table of instruments with what people answered.

const MAX_SPANS = 12; // sections of an instrument that the table lists

// Shows the result of the chosen song.
function show(song) {
  const { result, note } = song;
  byId("summary").textContent = `${summary(result)} (${clock(result.seconds)}${note ? `; ${note}` : ""})`;
  byId("table").replaceChildren(buildTable(song));
  const rest = shownInstruments().filter((name) => !listed(result).includes(name));
  byId("rest").textContent = rest.length ? `Not found: ${rest.join(", ")}.` : "";
  tracks = buildTracks(byId("song"), listed(result));
  drawSong(tracks, result);
}

// Builds the table, which screen readers can read: each instrument's probability, how often it plays, when, and buttons
// to answer whether it plays.
function buildTable(song) {
  const { result } = song, table = element("table"), head = element("tr");
  table.setAttribute("aria-label", "For each instrument: probability, how often it plays, when, and your answer");
  const titles = ["", "probability", "plays", "your answer", "parts to check", "sections"];
  head.append(...titles.map((title) => element("th", { scope: "col" }, title)));
  table.append(head);
  for (const name of listed(result)) {
    const own = result.sections.filter((section) => section[2] === name);
    const spans = own.slice(0, MAX_SPANS).map(([start, end]) => `${clock(start)}–${clock(end)}`);
    const more = own.length > MAX_SPANS ? ` and ${own.length - MAX_SPANS} more` : "";
    const isUnsure = unsureOf(result).includes(name), plays = isUnsure ? perhaps(result.words[name]) : result.words[name];
    const words = [result.layered[name].toFixed(2), plays];
    const cells = [...words, answerButtons(song, name), partsButton(song, name), spans.join(", ") + more];
    const row = element("tr", { className: isUnsure ? "perhaps" : result.present.includes(name) ? "plays" : "" });
    const note = about.littleTested.includes(name) ? " (little tested)" : "";
    row.dataset.instrument = name;
    row.append(element("th", { scope: "row" }, name + note), ...cells.map((cell) => element("td", {}, cell)));
    table.append(row);
  }
  return table;
}
