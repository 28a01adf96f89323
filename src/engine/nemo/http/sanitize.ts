import { hideKnownSecrets } from '../../../config/secrets.ts';

/**
 * Text from the service, made fit for people to see. It may be megabytes meant to keep us busy, so it is cut before anything is
 * searched for in it.
 */

/** Length of the service's own words in one line of an error. */
const MAX_LINE = 200;
/** How much is searched for such a line: markup around the words is dropped. */
const MAX_SEARCHED = 8000;
/** Length of one reply; far more than anybody reads. */
const MAX_REPLY = 20_000;

/** No tokens, no markup, one line, at most 200 characters. */
export function sanitizeLine(text: string): string {
  const words = hideKnownSecrets(text.slice(0, MAX_SEARCHED))
    .replace(/<(style|script)[\s\S]*?<\/\1>/gi, ' ')
    .replace(/<[^>]*>/g, ' ')
    .replace(SECRETS, '[secret]')
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim();
  return words.length > MAX_LINE ? `${words.slice(0, MAX_LINE - 1)}…` : words;
}

/** No secrets, no control characters, line breaks kept, at most 20,000 characters. */
export function sanitizeReply(text: string): string {
  return hideKnownSecrets(text.slice(0, MAX_REPLY))
    .replace(SECRETS, '[secret]')
    .replace(/\r\n?/g, '\n')
    .replace(/[^\P{Cc}\n]|[\u202A-\u202E\u2066-\u2069]/gu, ' ')
    .trim();
}

/** The service's tokens, and anything labelled as one, as in a reply of JSON that was cut on its way and cannot be read. */
const SECRETS =
  /nmv_[a-z]+_[\w-]+|(?<=bearer\s{1,9})[\w.~+/=-]{8,}|(?<=token["']\s{0,9}:\s{0,9}["'])[^"'\s]+|(?<=token=)[\w.~+/%=-]+/gi;
