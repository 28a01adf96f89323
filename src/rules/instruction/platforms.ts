/**
 * Where videos are sent, and the largest file each place accepts: what `for Discord` means. Where sources differ, the smallest
 * documented number counts, in units of 1000, so that it fits whichever way the service counts. Limits change: each row names its
 * source and when it was read.
 */
import { GRANTED, latin, type Phrase, type PhraseMeaning } from './phrase.ts';

interface Platform {
  name: string;
  /** As people write it, a regular expression. */
  alias: string;
  bytes: number;
}

const MB = 1e6;

/**
 * Attachments travel as base64 (4 letters for 3 bytes, and line ends: 37 % more), and the limit is on the whole message:
 * 25 MB / 1.37 = 18 MB, 20 MB / 1.37 = 14 MB.
 */
const MAIL_25 = 18 * MB;
const MAIL_20 = 14 * MB;

export const PLATFORMS: readonly Platform[] = [
  // Without a subscription. discord-api-docs PR 7312 (Dec 2024): 10 MiB; raised to 20 MB in Aug 2026 (support article
  // 25444343291031), but not yet everywhere (bots, webhooks), so the smaller number stays.
  { name: 'Discord', alias: String.raw`discord`, bytes: 10 * MB },
  // Discord's Nitro page, through reports of Sep 2024 and Jan 2025.
  { name: 'Discord Nitro Basic', alias: String.raw`(?:discord\s+)?nitro\s+basic`, bytes: 50 * MB },
  { name: 'Discord Nitro', alias: String.raw`(?:discord\s+)?nitro(?!\s+basic)`, bytes: 500 * MB },
  // WhatsApp Business platform and help pages 2026: 16 MB as media, 2 GB as a document.
  { name: 'WhatsApp', alias: String.raw`whats\s?app`, bytes: 16 * MB },
  // Gmail help: 25 MB for the encoded message. Read May 2026.
  { name: 'email', alias: String.raw`e-?mails?|gmail|google\s+mail|yahoo(?:\s+mail)?|mail`, bytes: MAIL_25 },
  // Outlook.com and iCloud Mail: 20 MB for the encoded message. Read May 2026.
  { name: 'Outlook', alias: String.raw`outlook(?:\.com)?|hotmail|icloud(?:\s+mail)?`, bytes: MAIL_20 },
  // core.telegram.org: 2000 MB for people, 50 MB for bots.
  { name: 'Telegram', alias: String.raw`telegram(?!\s+bot)`, bytes: 2000 * MB },
  { name: 'Telegram bot', alias: String.raw`telegram\s+bots?`, bytes: 50 * MB },
  // Signal's apps refuse larger attachments.
  { name: 'Signal', alias: String.raw`signal`, bytes: 100 * MB },
  // docs.x.com/x-api/media, 2026: 512 MB (and 140 s, but we do not cut).
  { name: 'X (Twitter)', alias: String.raw`twitter|x\.com`, bytes: 512 * MB },
  // developers.facebook.com, Messenger Platform, Apr 2026.
  { name: 'Messenger', alias: String.raw`(?:facebook|fb)\s+messenger|messenger`, bytes: 25 * MB },
  // Videos in a chat window, reports of 2024 and 2025; as a file 100 MB and more.
  { name: 'WeChat', alias: String.raw`we\s?chat|微信`, bytes: 25 * MB },
  // slack.com help: 1 GB a file.
  { name: 'Slack', alias: String.raw`slack`, bytes: 1000 * MB },
  // docs.github.com, attaching files, 2026: videos of 10 MB on the free plan.
  { name: 'GitHub', alias: String.raw`github`, bytes: 10 * MB },
];

const LEAD = String.raw`(?:(?:for|to|on|onto|via|by|through|over|into|in|under|below|within|as|using|with|send|sending|sent|post|share|upload|attach|fits?|meets?|the|a|an|my|our|free|normal|regular|standard)\s+){0,5}`;
const TAIL = String.raw`(?:[\s-]+(?:free|message|messages|chat|chats|attachments?|server|channel|group|dms?|upload|uploads|video|videos|size|sized|file|limits?|reels?|story|stories|post|posts|friendly|ready|compatible))*`;

/**
 * Places whose limit no result of ours meets: YouTube 256 GB, TikTok 4 GB, Instagram 4 GB, Facebook 10 GB, Vimeo 250 GB (their
 * help pages, 2026). They encode what they get again.
 */
const UNLIMITED = String.raw`you\s?tube(?:\s+shorts?)?|tik\s?tok|instagram|insta|facebook(?!\s+messenger)|vimeo`;

export const PLATFORM_PHRASES: readonly Phrase[] = [
  ...PLATFORMS.map(platform => latin(`${LEAD}(?:${platform.alias})${TAIL}`, limitOf(platform))),
  latin(`${LEAD}(?:${UNLIMITED})${TAIL}`, GRANTED),
];

/** What the name of a platform means. chinese.ts finds the Chinese names with words of its own around them. */
export function limitOf({ bytes }: Platform): PhraseMeaning {
  return { kind: 'sets', settings: [{ field: 'size', value: { kind: 'bytes', bytes } }], bound: true };
}

/** @throws TypeError for a name that is not in the table. */
export function platformNamed(name: string): Platform {
  const found = PLATFORMS.find(platform => platform.name === name);
  if (!found) throw new TypeError(`no platform is named ${name}`);
  return found;
}
