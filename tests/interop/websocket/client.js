// One WebSocket by npm `ws`: tells what happens as lines of JSON, and does what its standard input says.
//   node client.js URL '{"protocols": [..], "headers": {..}, "h2": true, "deaf": true}'
// Over HTTP/2 node's own client makes the extended CONNECT (RFC 8441), and ws reads the frames.
const [url, text] = process.argv.slice(2);
const options = JSON.parse(text || "{}");
const WebSocket = require("ws");
const tell = (what) => process.stdout.write(JSON.stringify(what) + "\n");
const message = (data, binary) => ({ message: data.toString(binary ? "base64" : "utf8"), binary });
const commands = (run) => {
  let rest = "";
  process.stdin.on("data", (data) => {
    const lines = (rest + data).split("\n");
    rest = lines.pop();
    lines.map((line) => JSON.parse(line)).forEach(run);
  });
};

function overHttp1() {
  const ws = new WebSocket(url, options.protocols || [], {
    headers: options.headers, autoPong: !options.deaf, perMessageDeflate: !!options.deflate,
  });
  ws.on("open", () => tell({ open: ws.protocol }));
  ws.on("unexpected-response", (request, response) => {
    let body = "";
    response.on("data", (data) => { body += data; });
    response.on("end", () => { tell({ status: response.statusCode, body }); process.exit(0); });
  });
  ws.on("message", (data, binary) => tell(message(data, binary)));
  ws.on("ping", (data) => tell({ ping: data.toString() }));
  ws.on("pong", (data) => tell({ pong: data.toString() }));
  ws.on("close", (code) => { tell({ close: code }); process.exit(0); });
  ws.on("error", (error) => tell({ error: error.message }));
  commands((command) => {
    if (command.ping !== undefined) ws.ping(command.ping);
    if (command.send !== undefined) ws.send(command.send);
    if (command.close !== undefined) ws.close(command.close);
    if (command.terminate) ws.terminate();
  });
}

function overHttp2() {
  const { URL } = require("url");
  const at = new URL(url);
  const session = require("http2").connect(`http://${at.host}`);
  session.on("remoteSettings", (settings) => {
    if (!settings.enableConnectProtocol) { tell({ error: "no extended CONNECT" }); process.exit(1); }
    const headers = { ":method": "CONNECT", ":protocol": "websocket", ":path": at.pathname + at.search,
      ":scheme": "http", ":authority": at.host, "sec-websocket-version": "13", ...options.headers };
    if (options.protocols) headers["sec-websocket-protocol"] = options.protocols.join(", ");
    const stream = session.request(headers);
    const receiver = new WebSocket.Receiver({ isServer: false });
    const sender = new WebSocket.Sender(stream, {});
    let body = "", status = 0;
    stream.on("response", (answer) => {
      status = answer[":status"];
      if (status === 200) {
        tell({ open: answer["sec-websocket-protocol"] || "" });
        stream.pipe(receiver);
      } else {
        stream.on("data", (data) => { body += data; });
      }
    });
    receiver.on("message", (data, binary) => tell(message(data, binary)));
    receiver.on("ping", (data) => { tell({ ping: data.toString() }); sender.pong(data, true, () => {}); });
    receiver.on("pong", (data) => tell({ pong: data.toString() }));
    receiver.on("conclude", (code) => {
      tell({ close: code });
      sender.close(code === 1005 ? undefined : code, "", true, () => stream.end());
    });
    stream.on("end", () => { if (status !== 200) tell({ status, body }); stream.end(); });
    stream.on("error", (error) => tell({ error: error.message }));
    stream.on("close", () => { tell({ end: stream.rstCode }); session.close(); process.exit(0); });
    commands((command) => {
      if (command.ping !== undefined) sender.ping(command.ping, true, () => {});
      if (command.send !== undefined) sender.send(command.send, { mask: true, fin: true }, () => {});
      if (command.close !== undefined) sender.close(command.close, "", true, () => {});
    });
  });
}

if (options.h2) overHttp2(); else overHttp1();
