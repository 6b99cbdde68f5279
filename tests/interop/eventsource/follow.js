// One EventSource by npm `eventsource`: tells what a page would be told, as lines of JSON.
//   node follow.js URL
const { EventSource } = require("eventsource");
const source = new EventSource(process.argv[2]);
const tell = (what) => console.log(JSON.stringify(what));
source.addEventListener("open", () => tell({ open: true }));
source.addEventListener("error", (e) => {
  if (e.data === undefined) tell({ error: e.code ?? 0, state: source.readyState });
});
for (const type of ["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR", "SUBSCRIBED", "UNSUBSCRIBED"])
  source.addEventListener(type, (e) => tell({ type: e.type, id: e.lastEventId, object: JSON.parse(e.data) }));
