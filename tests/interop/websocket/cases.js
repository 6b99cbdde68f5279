// Sends bytes as a WebSocket client that keeps no rule, and tells what comes back as npm `ws` reads it.
//   node cases.js ws://HOST:PORT/PATH
// A line of input is a case: {"id", "h2", "writes": [base64 or N, ..]}, where N waits until it was told N things: who
// closes is not answered any more. A line of output is what it was told:
// {"id", "told": ["message ..", "pong .."], "close": CODE}. A close of 1006: the connection was cut.
const WebSocket = require("ws");
const http2 = require("http2");
const net = require("net");
const crypto = require("crypto");
const at = new URL(process.argv[2]);
let session = null;

function reader(on) {
  const receiver = new WebSocket.Receiver({ isServer: false, skipUTF8Validation: false });
  receiver.on("message", (data) => on.told("message " + data));
  receiver.on("ping", (data) => on.told("ping " + data));
  receiver.on("pong", (data) => on.told("pong " + data.toString("base64")));
  receiver.on("conclude", (code) => on.close(code));
  receiver.on("error", (error) => on.told("error " + error.message));
  return receiver;
}

function follow(test, stream, done) {
  const result = { id: test.id, told: [], close: 1006 };
  let ended = false;
  const end = () => { if (!ended) { ended = true; stream.destroy(); done(result); } };
  const read = reader({ told: (what) => { result.told.push(what); next(); }, close: (code) => { result.close = code; } });
  stream.on("data", (data) => read.write(data));
  stream.on("end", end);
  stream.on("close", end);
  stream.on("error", end);
  const writes = test.writes;
  let writing = false;
  function next() { // one after the other
    while (typeof writes[0] === "number" && result.told.length >= writes[0]) writes.shift();
    if (writing || writes.length === 0 || typeof writes[0] === "number" || ended || stream.destroyed) return;
    writing = true;
    stream.write(Buffer.from(writes.shift(), "base64"), () => setImmediate(() => { writing = false; next(); }));
  }
  next();
  return read;
}

function overHttp1(test, done) {
  const socket = net.connect({ host: at.hostname, port: at.port, noDelay: true, allowHalfOpen: false });
  let head = Buffer.alloc(0);
  socket.write(`GET ${at.pathname}${at.search} HTTP/1.1\r\nHost: ${at.host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    `Sec-WebSocket-Key: ${crypto.randomBytes(16).toString("base64")}\r\nSec-WebSocket-Version: 13\r\n\r\n`);
  const onData = (data) => {
    head = Buffer.concat([head, data]);
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) return;
    socket.off("data", onData);
    if (!head.toString("latin1").startsWith("HTTP/1.1 101 ")) throw new Error(head.toString("latin1"));
    const read = follow(test, socket, done);
    if (head.length > end + 4) read.write(head.subarray(end + 4));
  };
  socket.on("data", onData);
  socket.on("error", () => {});
}

function overHttp2(test, done) {
  const stream = session.request({ ":method": "CONNECT", ":protocol": "websocket", ":path": at.pathname + at.search,
    ":scheme": "http", ":authority": at.host, "sec-websocket-version": "13" }, { endStream: false });
  stream.on("response", (answer) => {
    if (answer[":status"] !== 200) throw new Error(String(answer[":status"]));
    follow(test, stream, done);
  });
  stream.on("error", () => {});
}

const waiting = [];
let rest = "", busy = false;
function pump() {
  if (busy || waiting.length === 0) return;
  busy = true;
  const test = waiting.shift();
  (test.h2 ? overHttp2 : overHttp1)(test, (result) => {
    process.stdout.write(JSON.stringify(result) + "\n");
    busy = false;
    pump();
  });
}
process.stdin.on("data", (data) => {
  const lines = (rest + data).split("\n");
  rest = lines.pop();
  waiting.push(...lines.map((line) => JSON.parse(line)));
  if (session !== null) pump();
});
http2.connect(`http://${at.host}`).on("remoteSettings", function () {
  if (session === null) { session = this; pump(); }
});
