// Endpoints on loopback whose answers the tests choose by path.

import { createServer } from 'node:http';

export class Endpoints {
  static async start() {
    const endpoints = new Endpoints();
    endpoints.answers = new Map();
    endpoints.received = [];
    endpoints.server = createServer((request, response) => {
      const chunks = [];
      request.on('data', (chunk) => chunks.push(chunk));
      request.on('end', () => {
        const path = request.url.split('?')[0];
        endpoints.received.push({ path, headers: request.headers, body: Buffer.concat(chunks).toString() });
        const { status = 200, headers = {}, body = '' } = endpoints.answers.get(path) ?? {};
        response.writeHead(status, headers);
        response.end(body);
      });
    });
    await new Promise((ready) => endpoints.server.listen(0, '127.0.0.1', ready));
    endpoints.url = `http://127.0.0.1:${endpoints.server.address().port}`;
    return endpoints;
  }

  answer(path, answer) {
    this.answers.set(path, answer);
  }

  at(path) {
    return this.received.filter((request) => request.path === path);
  }

  stop() {
    this.server.close();
    this.server.closeAllConnections();
  }
}
