// The built functions behind the local gateway, as a service of the tests. A proxy gives it an address of loopback: the gateway
// finds an API by the host of a request.

import { spawn } from 'node:child_process';
import { createServer, request } from 'node:http';
import { createInterface } from 'node:readline';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Service } from './service.mjs';

export class StackService extends Service {
  static async start(tools, built) {
    const service = new StackService();
    const script = join(dirname(fileURLToPath(import.meta.url)), 'stack_service.py');
    service.process = spawn(join(tools, 'venv/bin/python'), [script, tools, built], { stdio: ['pipe', 'pipe', 'pipe'] });
    service.log = '';
    service.process.stderr.on('data', (chunk) => (service.log += chunk));
    service.lines = createInterface(service.process.stdout)[Symbol.asyncIterator]();
    const { port, host, admin } = await service.answer();
    service.admin = admin;
    service.proxy = createServer((incoming, outgoing) => {
      const target = { host: '127.0.0.1', port, method: incoming.method, path: incoming.url, headers: { ...incoming.headers, host } };
      const asked = request(target, (answer) => {
        outgoing.writeHead(answer.statusCode, answer.headers);
        answer.pipe(outgoing);
      });
      asked.on('error', () => outgoing.destroy());
      incoming.pipe(asked);
    });
    await new Promise((ready) => service.proxy.listen(0, '127.0.0.1', ready));
    service.url = `http://127.0.0.1:${service.proxy.address().port}`;
    return service;
  }

  async answer() {
    const { value, done } = await this.lines.next();
    if (done) throw new Error(`local AWS ended: ${this.log}`);
    return JSON.parse(value);
  }

  async token(role = 'administrator', account = 'main') {
    this.process.stdin.write(JSON.stringify({ command: 'token.create', account, person: `A person (${role})`, role }) + '\n');
    return (await this.answer()).token;
  }

  async stop() {
    this.proxy.close();
    this.proxy.closeAllConnections();
    const ended = new Promise((resolve) => this.process.on('exit', resolve));
    this.process.stdin.end();
    await ended;
  }
}
