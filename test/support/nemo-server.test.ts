import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { readFile } from 'node:fs/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { footage } from './footage.ts';
import { scaledClock } from './nemo-server/clock.ts';
import { ODD_ANSWERS } from './nemo-server/odd-answers.ts';
import { type NemoServer, type NemoServerOptions, startNemoServer } from './nemo-server/server.ts';

/** What the stand-in can do that the service is known or said to do. */

let server: NemoServer;
afterEach(() => server.stop());

const MINUTE = 60_000;

async function start(options: NemoServerOptions = {}): Promise<Caller> {
  server = await startNemoServer({ tokens: { nmv_usr_test: 'user' }, ...options });
  return new Caller();
}

describe('what it says', () => {
  it.each([
    ['s', 10],
    ['ms', 10_000],
    ['whole-s', 10],
  ] as const)('gives durations in %s', async (durations, expected) => {
    const api = await start({ durations });
    const { files } = await api.upload('clip.mp4');
    expect(files[0].duration).toBe(expected);
    expect((await api.state()).state.video_infos[0].duration).toBe(expected);
  });

  it('edits the file that the message names, or takes no notice of names', async () => {
    for (const [lastFileOnly, name] of [
      [false, 'a.mp4'],
      [true, 'b.mp4'],
    ] as const) {
      await server?.stop();
      const api = await start({ lastFileOnly });
      await api.upload('a.mp4');
      await api.message('compress this video');
      await api.upload('b.mp4');
      await api.message('compress this video');
      expect(await api.onTimeline()).toBe('b.mp4');
      await api.message('use only the file "a.mp4": make it brighter');
      expect(await api.onTimeline()).toBe(name);
      await api.message('darker again');
      expect(await api.onTimeline()).toBe(name);
    }
  });

  it('codes results in H.265 unless asked for H.264', async () => {
    const api = await start({ render: 'ffmpeg', codec: 'hevc-unless-asked' });
    const video = await readFile(await footage('tiny'));
    await api.upload('clip.mp4', video);
    const codecs: string[] = [];
    for (const words of ['compress it to under 20kB', 'compress it to under 20kB, as H.264']) {
      await api.message(words);
      const { id } = await api.render();
      codecs.push(codecOf(join(server.dir, 'renders', `${id}.mp4`)));
    }
    expect(codecs).toEqual(['hevc', 'h264']);
  });
});

describe('results', () => {
  it.each(['files-host', 'api', 'relative', 'redirected'] as const)('lie at: %s', async resultsAt => {
    const api = await start({ resultsAt });
    await api.upload('clip.mp4');
    await api.message('compress this video');
    const { url } = await api.render();
    expect(url.startsWith('/')).toBe(resultsAt === 'relative');
    const address = new URL(url, server.url);
    expect(address.origin).toBe(resultsAt === 'files-host' ? server.filesUrl : server.url);
    const withoutToken = await fetch(address);
    expect(withoutToken.status).toBe(resultsAt === 'files-host' ? 200 : 401);
    expect((await api.get(address)).status).toBe(200);
  });

  it.each(['poll', 'download', 'nobody'] as const)('expire; a new address by: %s', async signedAgainBy => {
    const api = await start({ clock: scaledClock(1000), signedForMs: MINUTE, signedAgainBy });
    await api.upload('clip.mp4');
    await api.message('compress this video');
    const { id, url } = await api.render();
    expect((await fetch(url)).status).toBe(200);
    expect((await fetch(url.replace(/Expires=\d/, 'Expires=9'))).status).toBe(403);
    await pass(2 * MINUTE);
    expect((await fetch(url)).status).toBe(403);
    const again = await api.poll(id);
    expect((await fetch(again.url)).status).toBe(signedAgainBy === 'poll' ? 200 : 403);
    const { status } = await api.get(`/api/render/proxy/${id}/download`);
    expect(status).toBe(signedAgainBy === 'nobody' ? 410 : 200);
  });
});

describe('trouble', () => {
  it('forgets a session that was not used for a while', async () => {
    const api = await start({ clock: scaledClock(1000), sessionsKeptMs: MINUTE });
    await api.upload('clip.mp4');
    await pass(2 * MINUTE);
    const answer = await api.get(api.statePath);
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ code: 1002 });
  });

  it('refuses everything for minutes, with and without a Retry-After', async () => {
    const api = await start({ clock: scaledClock(1000) });
    const balance = '/api/credits/balance/simple';
    server.storm({ status: 429, forMs: 2 * MINUTE, retryAfter: 'when-it-ends' });
    const first = await api.get(balance);
    expect(first.status).toBe(429);
    expect(Number(first.headers.get('retry-after'))).toBeGreaterThan(60);
    server.endStorms();
    server.storm({ status: 429, forMs: 2 * MINUTE });
    expect((await api.get(balance)).headers.get('retry-after')).toBeNull();
    server.endStorms();
    server.storm({ status: 503, forMs: 2 * MINUTE, match: { path: /credits/ } });
    expect((await api.get(balance)).status).toBe(503);
    await pass(3 * MINUTE);
    expect((await api.get(balance)).status).toBe(200);
  });

  it.each(Object.keys(ODD_ANSWERS) as (keyof typeof ODD_ANSWERS)[])('answers with: %s', async kind => {
    const api = await start();
    await api.upload('clip.mp4');
    for (const carryOut of [false, true]) {
      server.fault({ match: { path: /run_sse/ }, ...ODD_ANSWERS[kind], carryOut });
      const answer = await api.message('compress this video');
      expect(answer).toMatchObject({ status: ODD_ANSWERS[kind].status, text: ODD_ANSWERS[kind].body });
      expect(server.messages).toHaveLength(carryOut ? 1 : 0);
    }
  });
});

function pass(ms: number): Promise<void> {
  return new Promise(resolve => void server.clock.after(ms, resolve));
}

function codecOf(path: string): string {
  const args = ['-v', 'error', '-select_streams', 'v:0', '-show_entries', 'stream=codec_name', '-of', 'csv=p=0', path];
  return execFileSync('ffprobe', args).toString().trim();
}

// oxlint-disable-next-line typescript/no-explicit-any
async function dataOf(answer: Response): Promise<any> {
  const { data } = (await answer.json()) as { data: unknown };
  return data;
}

/** A caller in one session of the stand-in. */
class Caller {
  readonly #headers = {
    authorization: 'Bearer nmv_usr_test',
    'x-skill-source': 'test',
    'x-skill-version': '1',
    'x-skill-platform': 'unknown',
  };
  #session: string | undefined;

  get statePath(): string {
    return `/api/state/nemo_agent/me/${this.#session}/latest`;
  }

  get(path: string | URL): Promise<Response> {
    return fetch(new URL(path, server.url), { headers: this.#headers });
  }

  async #post(path: string, body: unknown) {
    const answer = await fetch(`${server.url}${path}`, {
      method: 'POST',
      headers: this.#headers,
      body: JSON.stringify(body),
    });
    return dataOf(answer);
  }

  async upload(name: string, content: Uint8Array = Buffer.alloc(100, 'v')) {
    this.#session ??= (await this.#post('/api/tasks/me/with-session/nemo_agent', { task_name: 'project' })).session_id;
    const boundary = 'a-boundary';
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="files"; filename="${name}"\r\nContent-Type: video/mp4\r\n\r\n`;
    const answer = await fetch(`${server.url}/api/upload-video/nemo_agent/me/${this.#session}`, {
      method: 'POST',
      headers: { ...this.#headers, 'content-type': `multipart/form-data; boundary=${boundary}` },
      body: Buffer.concat([Buffer.from(head), content, Buffer.from(`\r\n--${boundary}--\r\n`)]),
    });
    return dataOf(answer);
  }

  async message(text: string): Promise<{ status: number; text: string }> {
    const answer = await fetch(`${server.url}/run_sse`, {
      method: 'POST',
      headers: this.#headers,
      redirect: 'manual',
      body: JSON.stringify({
        app_name: 'nemo_agent',
        user_id: 'me',
        session_id: this.#session,
        new_message: { parts: [{ text }] },
      }),
    });
    return { status: answer.status, text: await answer.text() };
  }

  async state() {
    return dataOf(await this.get(this.statePath));
  }

  async onTimeline(): Promise<string> {
    return (await this.state()).state.draft.t[0].sg[0].name;
  }

  async render(): Promise<{ id: string; url: string }> {
    const { draft } = (await this.state()).state;
    const id = `render_${Math.random().toString(36).slice(2)}`;
    await this.#post('/api/render/proxy/lambda', { id, sessionId: this.#session, draft });
    for (;;) {
      const { status, url } = await this.poll(id);
      if (status === 'completed') return { id, url };
      await new Promise(resolve => setTimeout(resolve, 20));
    }
  }

  async poll(id: string): Promise<{ status: string; url: string }> {
    const data = await dataOf(await this.get(`/api/render/proxy/lambda/${id}`));
    return { status: data.status, url: data.outputUrl };
  }
}
