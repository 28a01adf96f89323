/** A Samba server on loopback that shares one directory, run by this user on a port of its own. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '../../../support/eventually.ts';

const run = promisify(execFile);

export interface Share {
  put(from: string, as: string): Promise<void>;
  command(words: string): Promise<void>;
  end(): Promise<void>;
}

export async function shared(dir: string): Promise<Share> {
  const home = mkdtempSync(join(tmpdir(), 'shrinkbox-smb-'));
  const port = await freePort();
  const conf = join(home, 'smb.conf');
  writeFileSync(
    conf,
    `[global]
smb ports = ${port}
interfaces = 127.0.0.1/8
bind interfaces only = yes
private dir = ${home}
lock directory = ${home}
state directory = ${home}
cache directory = ${home}
pid directory = ${home}
ncalrpc dir = ${home}
log file = ${home}/log
map to guest = Bad User
guest account = root
server role = standalone server
disable spoolss = yes
load printers = no
[inbox]
path = ${dir}
guest ok = yes
read only = no
force user = root
`,
  );
  // In a group of its own: at its end it sends SIGTERM to all of its group, which would be us.
  const server = spawn('smbd', ['--foreground', '--no-process-group', '-s', conf], { stdio: 'ignore', detached: true });
  const client = (words: string) =>
    run('smbclient', [`//127.0.0.1/inbox`, '-s', conf, '-p', String(port), '-N', '-c', words]);
  const end = async () => {
    const ended = once(server, 'exit');
    server.kill('SIGTERM');
    await ended;
    rmSync(home, { recursive: true, force: true });
  };
  try {
    await eventually(async () => (await client('ls')).stdout.length > 0, { what: 'smbd to answer' });
  } catch (error) {
    await end();
    throw error;
  }
  return {
    put: async (from, as) => void (await client(`put "${from}" "${as}"`)),
    command: async words => void (await client(words)),
    end,
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
