/**
 * Where videos are sent, and the largest file that gets through there: what `for Discord` means. The safest documented
 * number where documents differ, in units of 1000 (never more than the service means, whichever way it counts). Limits
 * move; the last column says whose word it is and when it was read.
 */
import { latin, type Phrase, type Wish } from './phrase.ts';

interface Platform {
  name: string;
  /** As people write it, a regular expression. */
  alias: string;
  bytes: number;
  /** Told to people when the place decides the size. */
  because: string;
}

const MB = 1e6;

/**
 * Attachments travel as base64 (4 letters for 3 bytes, and line ends: 37 %), and the limit is on the whole message:
 * 25 MB / 1.37 = 18 MB, 20 MB / 1.37 = 14 MB.
 */
const MAIL_25 = 18 * MB;
const MAIL_20 = 14 * MB;

export const PLATFORMS: readonly Platform[] = [
  // discord-api-docs PR 7312 (Dec 2024): 10 MiB without a subscription; raised to 20 MB in Aug 2026 (support article
  // 25444343291031), not yet seen everywhere (bots, webhooks), so the smaller one is kept.
  place('Discord', String.raw`discord`, 10 * MB, 'its limit without a subscription'),
  // Discord's Nitro page, read through reports of Sep 2024 and Jan 2025.
  place('Discord Nitro Basic', String.raw`(?:discord\s+)?nitro\s+basic`, 50 * MB, 'its upload limit'),
  place('Discord Nitro', String.raw`(?:discord\s+)?nitro(?!\s+basic)`, 500 * MB, 'its upload limit'),
  // WhatsApp Business platform and help pages 2026: video sent as media 16 MB, as a document 2 GB.
  place('WhatsApp', String.raw`whats\s?app`, 16 * MB, 'its limit for videos sent as media'),
  // Gmail help: 25 MB a message, encoded. Outlook.com: 20 MB. Read May 2026.
  place(
    'email',
    String.raw`e-?mails?|gmail|google\s+mail|yahoo(?:\s+mail)?|mail`,
    MAIL_25,
    '25 MB a message, less what encoding adds',
  ),
  place(
    'Outlook',
    String.raw`outlook(?:\.com)?|hotmail|icloud(?:\s+mail)?`,
    MAIL_20,
    '20 MB a message, less what encoding adds',
  ),
  // core.telegram.org: 2000 MB for people, 50 MB for bots.
  place('Telegram', String.raw`telegram(?!\s+bot)`, 2000 * MB, 'its limit for people'),
  place('a Telegram bot', String.raw`telegram\s+bots?`, 50 * MB, 'its limit for bots'),
  // Signal's apps refuse larger attachments.
  place('Signal', String.raw`signal`, 100 * MB, 'its attachment limit'),
  // docs.x.com/x-api/media, 2026: 512 MB (and 140 s, which is not ours to cut).
  place('X (Twitter)', String.raw`twitter|x\.com`, 512 * MB, 'its limit for videos'),
  // developers.facebook.com, Messenger Platform, Apr 2026.
  place('Messenger', String.raw`(?:facebook|fb)\s+messenger|messenger`, 25 * MB, 'its attachment limit'),
  // Chat window, reports of 2024 and 2025; as a file 100 MB and more.
  place('WeChat', String.raw`we\s?chat|微信`, 25 * MB, 'its limit for videos in a chat'),
  // slack.com help: 1 GB a file.
  place('Slack', String.raw`slack`, 1000 * MB, 'its limit for a file'),
  // docs.github.com, attaching files, 2026: videos 10 MB on the free plan.
  place('GitHub', String.raw`github`, 10 * MB, 'its limit for videos on the free plan'),
];

function place(name: string, alias: string, bytes: number, because: string): Platform {
  return { name, alias, bytes, because };
}

const LEAD = String.raw`(?:(?:for|to|on|onto|via|by|through|over|into|in|under|below|within|as|using|with|send|sending|sent|post|share|upload|attach|fits?|meets?|the|a|an|my|our|free|normal|regular|standard)\s+){0,5}`;
const TAIL = String.raw`(?:[\s-]+(?:free|message|messages|chat|chats|attachments?|server|channel|group|dms?|upload|uploads|video|videos|size|sized|file|limits?|friendly|ready|compatible))*`;

export const PLATFORM_PHRASES: readonly Phrase[] = PLATFORMS.map(({ name, alias, bytes, because }) => {
  const wishes: Wish[] = [{ field: 'size', value: { kind: 'bytes', bytes } }];
  return latin(`${LEAD}(?:${alias})${TAIL}`, { kind: 'wish', wishes, bound: true, because: `${name}: ${because}` });
});

/** The Chinese names are found by chinese.ts with words of its own around them. */
export function platformNamed(name: string): { wishes: Wish[]; because: string } {
  const found = PLATFORMS.find(entry => entry.name === name);
  if (!found) throw new TypeError(`no place ${name}`);
  return {
    wishes: [{ field: 'size', value: { kind: 'bytes', bytes: found.bytes } }],
    because: `${found.name}: ${found.because}`,
  };
}
