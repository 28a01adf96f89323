import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, open, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { acquireLock, type Lock, type LockOptions } from '../../src/journal/lock.ts';
import { holdName, namesHeld } from '../../src/platform/abstract-socket.ts';
import { bundle, run, tempDir, upTo } from './support.ts';

const releases: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const release of releases.splice(0).reverse()) await release();
});

async function acquire(stateDir: string, more: Partial<LockOptions> = {}): Promise<Lock> {
  const lock = await acquireLock({ stateDir, version: '1.2.3', ...more });
  releases.push(() => lock.release());
  return lock;
}

/** Elsewhere the kernel ties the lock to the file. */
const linux = process.platform === 'linux';

describe('the lock of a state directory', () => {
  it('is had by one, and says by whom', async () => {
    const dir = await tempDir();
    await acquire(dir);
    const text = await readFile(join(dir, 'lock'), 'utf8');
    expect(text).toMatch(/^pid: \d+\nsince: \d{4}-.*Z\nversion: 1\.2\.3\n$/);
    expect(text).toContain(`pid: ${process.pid}\n`);
    expect((await stat(join(dir, 'lock'))).mode & 0o777).toBe(0o600);
    const since = /since: (.*)/.exec(text)?.[1];
    await expect(acquire(dir)).rejects.toMatchObject({
      code: 'locked',
      message: `another shrinkbox (pid ${process.pid}, since ${since}) is already using ${dir}`,
      hint: expect.stringContaining(`kill ${process.pid}`),
    });
  });

  it('names nobody from a file that was scribbled over', async () => {
    const dir = await tempDir();
    await acquire(dir);
    await writeFile(join(dir, 'lock'), 'scribble');
    await expect(acquire(dir)).rejects.toMatchObject({ message: `another shrinkbox is already using ${dir}` });
  });

  it('is free after release, which may be called twice', async () => {
    const dir = await tempDir();
    const lock = await acquire(dir);
    await Promise.all([lock.release(), lock.release()]);
    expect(await readFile(join(dir, 'lock'), 'utf8')).toBe('');
    await lock.release();
    await acquire(dir);
  });

  it('is the directory`s, whatever it is called', async () => {
    const [dir, other] = [await tempDir(), await tempDir()];
    await symlink(dir, join(other, 'link'));
    await acquire(dir);
    await expect(acquire(join(other, 'link'))).rejects.toMatchObject({ code: 'locked' });
    await acquire(other);
  });

  it('does not mind a lock file left behind', async () => {
    const dir = await tempDir();
    await writeFile(join(dir, 'lock'), 'pid: 1\nsince: long ago\n'.repeat(20), { mode: 0o644 });
    await acquire(dir);
    expect(await readFile(join(dir, 'lock'), 'utf8')).toMatch(/^pid: \d+\nsince: \S+\nversion: 1\.2\.3\n$/);
    expect((await stat(join(dir, 'lock'))).mode & 0o777).toBe(0o600);
  });

  it('is not given up when it cannot be written down', async () => {
    const dir = await tempDir();
    await mkdir(join(dir, 'lock'));
    await expect(acquire(dir)).rejects.toMatchObject({ name: 'ShrinkError', subject: join(dir, 'lock') });
    const other = await tempDir();
    await symlink(join(dir, 'elsewhere'), join(other, 'lock'));
    await expect(acquire(other)).rejects.toMatchObject({ name: 'ShrinkError', subject: join(other, 'lock') });
    await expect(acquire(join(dir, 'nowhere'))).rejects.toMatchObject({ code: 'gone' });
  });
});

describe.runIf(linux)('a stranger', () => {
  it('who binds the names that are seen in /proc/net/unix locks nobody out', async () => {
    const dir = await tempDir();
    const { dev, ino } = await stat(dir, { bigint: true });
    const name = `shrinkbox-${createHash('sha256').update(`${dev}:${ino}`).digest('hex').slice(0, 32)}`;
    const squatted = await holdName(name, 'pid: 1\nsince: long ago\n');
    releases.push(async () => squatted?.release());
    await acquire(dir);
    expect(await namesHeld(name)).toEqual([{ name, isOurs: true }]);
  });
});

describe.runIf(linux)('a daemon in another container', () => {
  const socketIn = async (dir: string) => {
    const server = createServer(socket => socket.destroy()).listen(join(dir, 'control.sock'));
    await once(server, 'listening');
    releases.push(() => new Promise(resolve => server.close(resolve)));
    return server;
  };

  it('is found by its control socket, and the lock is free again', async () => {
    const dir = await tempDir();
    const server = await socketIn(dir);
    await writeFile(join(dir, 'lock'), 'pid: 17\nsince: 2026-01-02T03:04:05Z\nversion: 1\n');
    await expect(acquire(dir)).rejects.toMatchObject({
      code: 'locked',
      message: expect.stringContaining('(pid 17, since 2026-01-02T03:04:05Z)'),
    });
    expect(await readFile(join(dir, 'lock'), 'utf8')).toContain('pid: 17');
    await new Promise(resolve => server.close(resolve));
    await acquire(dir);
  });

  it('is searched for at its socket', async () => {
    const [dir, runtime] = [await tempDir(), await tempDir()];
    await socketIn(runtime);
    await expect(acquire(dir, { controlSocket: join(runtime, 'control.sock') })).rejects.toMatchObject({
      code: 'locked',
    });
    await acquire(dir);
  });

  it('is not taken for alive because its socket is still there', async () => {
    const dir = await tempDir();
    // A socket file that nobody listens on any more, as kill -9 leaves it.
    const script = `require('node:net').createServer().listen(${JSON.stringify(join(dir, 'control.sock'))}, () => process.kill(process.pid, 'SIGKILL'))`;
    expect(() => execFileSync(process.execPath, ['-e', script], { stdio: 'ignore' })).toThrow();
    expect((await stat(join(dir, 'control.sock'))).isSocket()).toBe(true);
    await acquire(dir);
  });

  it.each([
    ['a plain file', (path: string) => writeFile(path, 'x')],
    ['a folder', (path: string) => mkdir(path)],
  ])('is not taken for alive because of %s in the place of its socket', async (_, make) => {
    const dir = await tempDir();
    await make(join(dir, 'control.sock'));
    await acquire(dir);
  });

  it('cannot be searched for if the path is too long for a socket', async () => {
    const dir = join(await tempDir(), 'x'.repeat(120));
    await mkdir(dir);
    await acquire(dir);
  });
});

describe.runIf(linux)('several processes', () => {
  let program: string;

  beforeAll(async () => {
    program = await bundle('hold');
  });

  function start(...args: string[]) {
    const child = run(program, ...args);
    releases.push(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    });
    const lines = createInterface({ input: child.stdout });
    return { child, said: once(lines, 'line').then(([line]) => String(line)) };
  }

  it('racing for it: exactly one of 20 wins, and the others know which', async () => {
    const dir = await tempDir();
    const racers = upTo(20).map(() => start(dir, 'after'));
    for (const { child } of racers) child.stdin.write('go\n');
    const said = await Promise.all(racers.map(racer => racer.said));
    const winner = racers[said.indexOf('won')];
    expect(said.filter(line => line === 'won')).toHaveLength(1);
    for (const line of said) {
      if (line !== 'won')
        expect(line).toMatch(new RegExp(`^locked: another shrinkbox \\(pid ${winner?.child.pid}, since `));
    }
  });

  it('one after the other: it is free at once after kill -9', async () => {
    const dir = await tempDir();
    for (const _ of upTo(5)) {
      const { child, said } = start(dir);
      expect(await said).toBe('won');
      await expect(acquire(dir)).rejects.toMatchObject({
        code: 'locked',
        message: expect.stringContaining(`pid ${child.pid},`),
      });
      child.kill('SIGKILL');
      await once(child, 'exit');
      await (await acquire(dir)).release();
    }
  });

  // Only root may make a network namespace.
  it.runIf(process.getuid?.() === 0)('in networks of their own: the lock reaches across', async () => {
    const dir = await tempDir();
    const child = spawn('unshare', ['-n', process.execPath, program, dir], { stdio: ['pipe', 'pipe', 'inherit'] });
    releases.push(async () => {
      child.stdin.end();
      await once(child, 'exit');
    });
    await once(createInterface({ input: child.stdout }), 'line');
    await expect(acquire(dir)).rejects.toMatchObject({ message: expect.stringContaining(`(pid ${child.pid},`) });
  });

  it('that are stopped hold it all the same, and are named from the file', async () => {
    const dir = await tempDir();
    const { child, said } = start(dir);
    expect(await said).toBe('won');
    child.kill('SIGSTOP');
    await expect(acquire(dir)).rejects.toMatchObject({ message: expect.stringContaining(`pid ${child.pid},`) });
    child.kill('SIGCONT');
    child.stdin.end();
    await once(child, 'exit');
    await acquire(dir);
  });
});

describe('on macOS', () => {
  /** O_EXLOCK as its manual page says: EAGAIN for a second opener until the first closes. */
  const exclusive = () => {
    const held = new Set<string>();
    return async (path: string) => {
      if (held.has(path)) throw Object.assign(new Error('EAGAIN'), { code: 'EAGAIN', errno: -35 });
      const file = await open(path, 'a+', 0o600);
      held.add(path);
      const close = file.close.bind(file);
      file.close = () => {
        held.delete(path);
        return close();
      };
      return file;
    };
  };

  it('the lock file is the lock', async () => {
    const dir = await tempDir();
    const options = { platform: 'darwin', openExclusive: exclusive() } as const;
    const lock = await acquire(dir, options);
    expect(await readFile(join(dir, 'lock'), 'utf8')).toContain(`pid: ${process.pid}\n`);
    await expect(acquire(dir, options)).rejects.toMatchObject({
      code: 'locked',
      message: expect.stringContaining(`pid ${process.pid},`),
    });
    await lock.release();
    expect(await readFile(join(dir, 'lock'), 'utf8')).toBe('');
    await acquire(dir, options);
  });

  it('other errors are reported unchanged', async () => {
    const dir = await tempDir();
    await chmod(dir, 0o700);
    const openExclusive = () => Promise.reject(Object.assign(new Error('EROFS: read-only'), { code: 'EROFS' }));
    await expect(acquire(dir, { platform: 'darwin', openExclusive })).rejects.toMatchObject({ code: 'denied' });
    await expect(acquire(dir, { platform: 'win32' })).rejects.toMatchObject({ code: 'config-invalid' });
  });
});
