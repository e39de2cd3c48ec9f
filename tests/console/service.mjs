// The binary with its own data folder, and calls of its API.

import { execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export class Service {
  /** Starts the binary on a free port. */
  static async start(binary, data) {
    const service = new Service();
    Object.assign(service, { binary, data, log: '' });
    service.process = spawn(binary, ['serve', '--listen', '127.0.0.1:0', '--data', data, '--allow-cidr', '127.0.0.0/8'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, HOOKLINE_LOG_FORMAT: 'json' },
    });
    service.url = await new Promise((found, failed) => {
      const read = (chunk) => {
        service.log += chunk;
        const address = /listens on (http:\/\/[\d.:]+)/.exec(service.log)?.[1];
        if (address) found(address);
      };
      service.process.stdout.on('data', read);
      service.process.stderr.on('data', read);
      service.process.on('exit', (code) => failed(new Error(`the service ended with ${code}: ${service.log}`)));
    });
    service.admin = readFileSync(join(data, 'admin-token'), 'utf8').trim();
    return service;
  }

  async stop() {
    const ended = new Promise((resolve) => this.process.on('exit', resolve));
    this.process.kill('SIGTERM');
    await ended;
  }

  /** Runs a command of the binary on the data folder. */
  command(...words) {
    return execFileSync(this.binary, [...words, '--data', this.data], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
  }

  tokens() {
    return JSON.parse(this.command('token', 'list', '--account', 'main', '--json')).map(({ id }) => id);
  }

  /** A new token, with the id by which it is revoked. */
  issue(role) {
    const before = this.tokens();
    const token = this.token(role);
    return { token, id: this.tokens().find((id) => !before.includes(id)) };
  }

  token(role = 'administrator', account = 'main') {
    return this.command('token', 'create', '--account', account, '--person', `A person (${role})`, '--role', role);
  }

  /** Publishes events, a few at a time. A call that a busy service did not finish is repeated: the ids keep events single. */
  async publish(events) {
    const named = events.map((event) => ({ id: randomUUID(), ...event }));
    for (let first = 0; first < named.length; first += 20) {
      await until(() => this.call('POST', '/events', named.slice(first, first + 20)).catch((failure) => {
        if (!/ 50[23] /.test(failure.message)) throw failure;
      }));
    }
  }

  /** Calls the API; fails on an answer that is not 2xx. */
  async call(method, path, body, token = this.admin) {
    const response = await fetch(`${this.url}/v1${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }
}

/** Asks again until the answer is true; a hang meets the limit of the test. */
export async function until(ask) {
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    await new Promise((next) => setTimeout(next, 50));
  }
}
