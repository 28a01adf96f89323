/** A notification in the form each service wants. Pure. */
import type { JobView } from '../api/types.ts';
import { formatSaving } from '../core/saving.ts';
import { formatBytes, plural } from '../core/units.ts';

export type PayloadFormat = 'ntfy' | 'gotify' | 'discord' | 'slack' | 'json';

const FORMATS: readonly string[] = ['ntfy', 'gotify', 'discord', 'slack', 'json'] satisfies PayloadFormat[];

export interface Notification {
  event: 'done' | 'held' | 'failed' | 'test';
  /** One line. */
  title: string;
  text: string;
  /** Where a person can do what the text asks for. */
  link?: string;
  /** For programs; absent in a test. */
  job?: JobView & { hint: string | null };
}

/** One POST. Secrets of the address go into headers if the service allows it: addresses end up in logs of proxies. */
export interface Post {
  url: string;
  headers: Record<string, string>;
  body: string;
}

/** The format for an address; `#ntfy`, `#json`, ... at its end sets it if the host name does not show it. */
export function formatOf(address: string): PayloadFormat {
  const url = new URL(address);
  const named = url.hash.slice(1).toLowerCase();
  if (FORMATS.includes(named)) return named as PayloadFormat;
  const host = url.hostname.toLowerCase();
  if (/(^|\.)ntfy\./.test(host)) return 'ntfy';
  if (/(^|\.)discord(app)?\.com$/.test(host) && url.pathname.startsWith('/api/webhooks/')) return 'discord';
  if (host === 'hooks.slack.com') return 'slack';
  if (/(^|\.)gotify\./.test(host) || (url.pathname.endsWith('/message') && url.searchParams.has('token')))
    return 'gotify';
  return 'json';
}

/** What became of the films of a library in a day. */
export function digestFor(library: string, { films, savedBytes }: { films: number; savedBytes: number }): Notification {
  return {
    event: 'done',
    title: `${plural(films, 'film')} of ${oneLine(library)} done`,
    text: `smaller by ${formatBytes(savedBytes)} since the last message`,
  };
}

export function notificationFor(job: JobView, hint: string | null): Notification {
  const name = oneLine(job.source.split('/').at(-1) ?? job.source);
  const withHint = { ...job, hint };
  if (job.state === 'done') {
    const text = formatSaving(job.source, job.source_bytes, job.output_bytes ?? 0);
    return { event: 'done', title: `${name} is done`, text, job: withHint };
  }
  const reason = [job.reason, hint].filter(part => part !== null && part !== '').join('\n');
  const event = job.state === 'failed' ? 'failed' : 'held';
  const link = job.action?.link ?? undefined;
  const title = event === 'held' ? `${name} needs you` : `${name} failed`;
  return {
    event,
    title,
    text: `${reason || 'no reason given'}\n(job ${job.id})`,
    ...(link ? { link } : {}),
    job: withHint,
  };
}

export const TEST_NOTIFICATION: Notification = {
  event: 'test',
  title: 'shrinkbox can reach you',
  text: 'This is a test notification. Nothing happened to your files.',
};

export function postFor(address: string, message: Notification): Post {
  const format = formatOf(address);
  const url = new URL(address);
  url.hash = '';
  const headers: Record<string, string> = { 'content-type': 'application/json', ...basicAuth(url) };
  const post = (body: object): Post => ({ url: url.href, headers, body: JSON.stringify(body) });
  const { title, text, event, link } = message;
  switch (format) {
    case 'ntfy': {
      // Published as JSON to the root, because a title in a header must be plain ASCII.
      const parts = url.pathname.split('/').filter(part => part !== '');
      const topic = decodeURIComponent(parts.pop() ?? '');
      url.pathname = `/${parts.join('/')}`;
      return post({
        topic,
        title,
        message: text,
        tags: [TAGS[event]],
        priority: event === 'done' ? 2 : 4,
        ...(link ? { click: link } : {}),
      });
    }
    case 'gotify': {
      const token = url.searchParams.get('token');
      url.searchParams.delete('token');
      if (token) headers['x-gotify-key'] = token;
      return post({ title, message: text, priority: event === 'done' ? 2 : 6 });
    }
    case 'discord':
      // Anybody can name a file: no name may call @everyone.
      return post({
        username: 'shrinkbox',
        embeds: [
          {
            title: title.slice(0, 256),
            description: text.slice(0, 4000),
            color: COLOURS[event],
            ...(link ? { url: link } : {}),
          },
        ],
        allowed_mentions: { parse: [] },
      });
    case 'slack':
      return post({ text: `*${forSlack(title)}*\n${forSlack(text)}` });
    case 'json':
      return post({ event, title, text, job: message.job ?? null });
  }
}

const TAGS = { done: 'white_check_mark', held: 'raised_hand', failed: 'x', test: 'wave' } as const;
const COLOURS = { done: 0x2e_7d_32, held: 0xf9_a8_25, failed: 0xc6_28_28, test: 0x15_65_c0 } as const;

/** `https://name:password@host/...` becomes a header; undici takes no credentials in addresses. */
function basicAuth(url: URL): Record<string, string> {
  if (!url.username && !url.password) return {};
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  url.username = '';
  url.password = '';
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}

/** Slack's own three escapes; without them, <!channel> in a file name would notify everybody. */
function forSlack(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]+/gu, ' ').trim() || 'a file';
}
