/** The keys of a fleet: `fleet` on the daemon's side, `worker` on the machines that help it. Separate from schema.ts, which they would double. */
import { z } from 'zod';
import * as field from './fields.ts';
import { isLoopback } from './loopback.ts';
import * as amount from './quantities.ts';
import { maskUrl, show } from './redact.ts';
import type { ResolvePath } from './resolve-path.ts';

/** How a map of the configuration is made; passed in by schema.ts, which words what is said about a wrong one. */
type MapOf = <Shape extends z.ZodRawShape>(what: string, shape: Shape) => z.ZodObject<Shape, z.core.$strict>;

const CODECS = ['h264', 'h265', 'av1'] as const;

export const fleetSchema = (map: MapOf, resolve: ResolvePath) =>
  map('a map', {
    queue: queueUrl().describe(
      'Redis 7 or Valkey: rediss://HOST:PORT, redis:// only to this machine, or unix:///PATH. Workers connect there too.',
    ),
    password_file: field
      .path(resolve, '/etc/shrinkbox/redis-password')
      .optional()
      .describe('File with the password of the queue, as USER:PASSWORD or the password alone.'),
    queue_ca: field
      .path(resolve, '/etc/shrinkbox/redis.crt')
      .optional()
      .describe(
        "Certificate to trust for the queue (PEM), its own or its authority's; workers get it from the daemon.",
      ),
    listen: field
      .listen()
      .prefault('127.0.0.1:8789')
      .describe('Address for the workers, always HTTPS; every worker needs a token made by `shrinkbox fleet invite`.'),
    tls_cert: field
      .path(resolve, '/etc/shrinkbox/fleet.crt')
      .optional()
      .describe('Certificate of that address (PEM). Default: one made by shrinkbox, which workers pin.'),
    tls_key: field.path(resolve, '/etc/shrinkbox/fleet.key').optional().describe('Its private key (PEM).'),
    token_file: field
      .path(resolve, '/etc/shrinkbox/fleet-token')
      .optional()
      .describe('File with a token by which any worker may join without an invitation; each gets a token of its own.'),
    films: field.number(1, 64).default(4).describe('Films in the fleet at once.'),
    lease: amount
      .duration(1000, ['60s'])
      .prefault('60s')
      .describe('A worker that is not heard of for this long has lost its part to another.'),
    slices: amount.size(['20GB']).prefault('20GB').describe('Disk for the pieces of sources that workers fetch.'),
    verify: field
      .oneOf('here', 'elsewhere')
      .default('here')
      .describe('Who decodes a finished film to check it. elsewhere is reserved, and done here for now.'),
  });

export const workerSchema = (map: MapOf, resolve: ResolvePath) =>
  map('a map', {
    daemon: daemonUrl()
      .optional()
      .describe('Address of the daemon (https://nas:8789). Default: the one in the token file.'),
    token_file: field
      .path(resolve, '/etc/shrinkbox/worker-token')
      .prefault('./worker-token')
      .describe('File with what `shrinkbox fleet invite` printed; replaced by the token of this worker when it joins.'),
    name: field
      .words('a name', 'a short name like desk', workerNameProblem)
      .optional()
      .describe('Name of this worker where it joins by fleet.token_file. Default: that of the machine.'),
    slots: field.number(1, 64).default(1).describe('Parts encoded at once.'),
    scratch: field
      .path(resolve, './scratch')
      .prefault('./scratch')
      .describe('Private folder for what is fetched and made.'),
    scratch_max: amount.size(['20GB']).prefault('20GB').describe('The most it may hold.'),
    hours: amount.dayHours().optional().describe('Hours of the day in which it encodes. Default: always.'),
    threads: field.number(1, 256).optional().describe('Threads per encode. Default: one per core.'),
    codecs: field
      .oneOrMore(field.oneOf(...CODECS), 'a list of h264, h265 and av1')
      .optional()
      .describe('What it encodes. Default: all that its ffmpeg can.'),
    mounts: z
      .array(
        map('a mount', {
          from: field.words('a folder', 'the folder as the daemon calls it').describe('A folder of the daemon.'),
          to: field.path(resolve, '/mnt/films').describe('The same folder on this machine.'),
        }),
        { error: ({ input }) => `${show(input)} is not a list of mounts` },
      )
      .default([])
      .describe('Folders of the daemon that are mounted here. Reserved: everything is fetched for now.'),
  });

export function workerNameProblem(written: string): string | undefined {
  return /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/.test(written)
    ? undefined
    : 'is not a name for a worker; use up to 32 small letters, digits and hyphens';
}

const queueUrl = () =>
  field.text<string>({
    what: 'the address of a queue',
    write: 'rediss://nas:6380, redis://127.0.0.1:6379 or unix:///run/valkey/valkey.sock',
    pattern: '^(rediss?|unix)://',
    examples: ['rediss://nas:6380'],
    parse: written => {
      if (/^unix:\/\/\/[^\s?#]+$/.test(written)) return written;
      const url = URL.canParse(written) ? new URL(written) : undefined;
      if (!url || !/^rediss?:$/.test(url.protocol) || url.hostname === '') return undefined;
      if (url.username || url.password) {
        return new field.InvalidValue(
          `${show(maskUrl(written))} contains a user name or password; put it into fleet.password_file`,
        );
      }
      if (url.protocol === 'redis:' && !isLoopback(url.hostname)) {
        return new field.InvalidValue(
          `${show(written)} would send the password and the work unencrypted; use rediss://, or a queue on this machine`,
        );
      }
      return written.replace(/\/+$/, '');
    },
  });

const daemonUrl = () =>
  field.text<string>({
    what: 'the address of a daemon',
    write: 'https://nas:8789',
    pattern: '^https://',
    examples: ['https://nas:8789'],
    parse: written => {
      const url = URL.canParse(written) ? new URL(written) : undefined;
      if (url?.protocol !== 'https:' || url.username || url.password || url.search) return undefined;
      return `${url.origin}${url.hash}`;
    },
  });
