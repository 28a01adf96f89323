/** nginx and Caddy as processes, with the configurations that docs/page.md prints. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../../support/eventually.ts';

const DOC = readFileSync(join(import.meta.dirname, '../../../docs/page.md'), 'utf8');

/** The first block of this language below the heading, as printed. */
export function printed(heading: string, language: string): string {
  const [, section = ''] = DOC.split(`### ${heading}\n`);
  const [, block] = new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'ms').exec(section.split('\n### ')[0] ?? '') ?? [];
  if (block === undefined) throw new Error(`docs/page.md has no ${language} below "${heading}"`);
  return block;
}

/** Every one of these must be there, or the document changed and the test tries something else. */
function replaced(text: string, by: Readonly<Record<string, string>>): string {
  return Object.entries(by).reduce((out, [from, to]) => {
    if (!out.includes(from)) throw new Error(`"${from}" is not in what docs/page.md prints`);
    return out.replaceAll(from, to);
  }, text);
}

export interface Proxied {
  /** Where it listens for TLS. */
  port: number;
  /** Where the daemon is. */
  upstream: number;
  /** A folder of the test's own. */
  dir: string;
}

export interface Proxy {
  child: ChildProcess;
  /** Files it has put aside of what passes through. */
  kept(): string[];
}

const UPSTREAM = '127.0.0.1:8788';

export async function nginx(isBelow: boolean, at: Proxied): Promise<Proxy> {
  const [key, certificate] = certify(at.dir);
  const heading = isBelow ? 'nginx, below a path' : 'nginx, a host name of its own';
  const block = replaced(printed(heading, 'nginx'), { [UPSTREAM]: `127.0.0.1:${at.upstream}` });
  const tls = { 'listen 443': `listen 127.0.0.1:${at.port}`, [CERTIFICATE]: certificate, [KEY]: key };
  const own = `listen 443 ssl;\nserver_name nas.home;\nssl_certificate ${CERTIFICATE};\nssl_certificate_key ${KEY};\n`;
  const server = replaced(isBelow ? `server {\n${own}${block}\n}` : block, tls);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    name => `${name}_temp_path ${join(at.dir, 'kept', name)};`,
  );
  mkdirSync(join(at.dir, 'kept'));
  const file = join(at.dir, 'nginx.conf');
  const main = `daemon off;\nworker_processes 1;\nuser root;\npid ${at.dir}/pid;\nerror_log stderr warn;\nevents {}\n`;
  writeFileSync(file, `${main}http {\naccess_log off;\n${temporary.join('\n')}\n${server}\n}\n`);
  const child = spawn('nginx', ['-c', file, '-p', at.dir], { stdio: ['ignore', 'inherit', 'inherit'] });
  await listening(child, at.port);
  return { child, kept: () => filesBelow(join(at.dir, 'kept')) };
}

const KEY = '/etc/ssl/private/videos.home.key';
const CERTIFICATE = '/etc/ssl/certs/videos.home.pem';

/** By the command of the document. */
function certify(dir: string): [key: string, certificate: string] {
  const [key, certificate] = [join(dir, 'tls.key'), join(dir, 'tls.pem')];
  const command = replaced(printed('nginx, a host name of its own', 'sh'), { [KEY]: key, [CERTIFICATE]: certificate });
  execFileSync('sh', ['-c', command], { stdio: 'ignore' });
  return [key, certificate];
}

export async function caddy(isBelow: boolean, at: Proxied): Promise<Proxy> {
  const heading = isBelow ? 'Caddy, below a path' : 'Caddy, a host name of its own';
  const site = replaced(printed(heading, 'caddyfile'), { [UPSTREAM]: `127.0.0.1:${at.upstream}` });
  const settings = ['admin off', 'auto_https disable_redirects', 'skip_install_trust', `https_port ${at.port}`];
  const file = join(at.dir, 'Caddyfile');
  writeFileSync(file, `{\n${settings.map(line => `\t${line}\n`).join('')}}\n${site}`);
  const env = { PATH: process.env['PATH'], HOME: at.dir, XDG_DATA_HOME: join(at.dir, 'data'), TMPDIR: at.dir };
  const args = ['run', '--config', file, '--adapter', 'caddyfile'];
  const child = spawn('caddy', args, { env, stdio: ['ignore', 'ignore', 'ignore'] });
  const before = filesBelow(at.dir);
  await listening(child, at.port);
  return {
    child,
    kept: () => filesBelow(at.dir).filter(name => !before.includes(name) && !/data\/|config\//.test(name)),
  };
}

function filesBelow(dir: string): string[] {
  const all = readdirSync(dir, { withFileTypes: true, recursive: true });
  return all.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name));
}

async function listening(child: ChildProcess, port: number): Promise<void> {
  const ended = once(child, 'exit').then(([code]) => Promise.reject(new Error(`the proxy ended with ${code}`)));
  ended.catch(() => {});
  const answers = eventually(() => reaches(port), { what: 'the proxy to listen' });
  answers.catch(() => {});
  await Promise.race([answers, ended]);
}

function reaches(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

export async function stop({ child }: Proxy): Promise<void> {
  if (child.exitCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}

export function ownFolder(): { dir: string; remove(): void } {
  const dir = mkdtempSync(join(tmpdir(), 'shrinkbox-proxy-'));
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

export function isInstalled(program: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
