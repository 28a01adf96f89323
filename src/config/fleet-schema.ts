/** The keys of a fleet: `fleet` on the daemon's side, `worker` on the machines that help it. Separate from schema.ts, which they would double. */
import { z } from 'zod';
import { WORKER_NAME } from '../core/lease.ts';
import * as field from './fields.ts';
import { say } from '../messages/say.ts';
import { isLoopback } from './loopback.ts';
import * as amount from './quantities.ts';
import { maskUrl, show } from './redact.ts';
import type { ResolvePath } from './resolve-path.ts';
import { either, shown, tell } from './told.ts';

/** How a map of the configuration is made; passed in by schema.ts, which words what is said about a wrong one. */
type MapOf = <Shape extends z.ZodRawShape>(what: string, shape: Shape) => z.ZodObject<Shape, z.core.$strict>;

const CODECS = ['h264', 'h265', 'av1'] as const;

export const fleetSchema = (map: MapOf, resolve: ResolvePath) =>
  map(tell('config.a-map'), {
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
  map(tell('config.a-map'), {
    daemon: daemonUrl()
      .optional()
      .describe('Address of the daemon (https://nas:8789). Default: the one in the token file.'),
    token_file: field
      .path(resolve, '/etc/shrinkbox/worker-token')
      .prefault('./worker-token')
      .describe('File with what `shrinkbox fleet invite` printed; replaced by the token of this worker when it joins.'),
    name: field
      .words(tell('config.a-name'), tell('config.worker-name-write'), workerNameProblem)
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
      .oneOrMore(field.oneOf(...CODECS), tell('config.codecs-write'))
      .optional()
      .describe('What it encodes. Default: all that its ffmpeg can.'),
    mounts: z
      .array(
        map(tell('config.a-mount'), {
          from: field.words(tell('config.a-folder'), tell('config.mount-write')).describe('A folder of the daemon.'),
          to: field.path(resolve, '/mnt/films').describe('The same folder on this machine.'),
        }),
        { error: ({ input }) => tell('config.not-list-of', { value: shown(input), what: say('config.mounts') }) },
      )
      .default([])
      .describe('Folders of the daemon that are mounted here. Reserved: everything is fetched for now.'),
  });

export function workerNameProblem(written: string): string | undefined {
  return WORKER_NAME.test(written) ? undefined : tell('config.bad-worker-name');
}

const queueUrl = () =>
  field.text<string>({
    what: tell('config.a-queue'),
    write: either(['rediss://nas:6380', 'redis://127.0.0.1:6379', 'unix:///run/valkey/valkey.sock']),
    pattern: '^(rediss?|unix)://',
    examples: ['rediss://nas:6380'],
    parse: written => {
      if (/^unix:\/\/\/[^\s?#]+$/.test(written)) return written;
      const url = URL.canParse(written) ? new URL(written) : undefined;
      if (!url || !/^rediss?:$/.test(url.protocol) || url.hostname === '') return undefined;
      if (url.username || url.password) {
        return new field.InvalidValue(tell('config.queue-user', { value: show(maskUrl(written)) }));
      }
      if (url.protocol === 'redis:' && !isLoopback(url.hostname)) {
        return new field.InvalidValue(tell('config.queue-plain', { value: show(written) }));
      }
      return written.replace(/\/+$/, '');
    },
  });

const daemonUrl = () =>
  field.text<string>({
    what: tell('config.a-daemon'),
    write: 'https://nas:8789',
    pattern: '^https://',
    examples: ['https://nas:8789'],
    parse: written => {
      const url = URL.canParse(written) ? new URL(written) : undefined;
      if (url?.protocol !== 'https:' || url.username || url.password || url.search) return undefined;
      return `${url.origin}${url.hash}`;
    },
  });
