/** Every token a stand-in of this process issued or accepted: none may be written down anywhere else. */
export const everyToken = new Set<string>();

/** What the stand-in service remembers. */
export interface Account {
  token: string;
  user: string;
  client: string;
  expiresAt: number;
  available: number;
  frozen: number;
}

export interface UploadedFile {
  id: string;
  name: string;
  type: string;
  bytes: number;
  /** Where it lies on the server's disk; absent for addresses and where uploads are not kept. */
  path?: string;
  durationS: number;
}

export interface NemoSession {
  id: string;
  task: string;
  user: string;
  files: UploadedFile[];
  /** Exactly as it goes over the wire; absent while nothing was edited. */
  draft?: string;
  /** Messages accepted, in order. */
  messages: { text: string; at: number }[];
  /** On the server's clock. */
  usedAt: number;
  /** The file that the timeline is about. */
  onTimeline?: string;
  /** How many files there were at the last edit. */
  seen: number;
}

export interface Wish {
  /** From the message: most bytes, lines, no sound. */
  bytes?: number;
  lines?: number;
  mute: boolean;
  /** H.264 is asked for in so many words. */
  h264?: boolean;
  file: string;
}

export interface Render {
  id: string;
  session: string;
  /** Whether the draft came as the state had given it, byte for byte. */
  verbatim: boolean;
  output: unknown;
  startedAt: number;
  status: 'pending' | 'processing' | 'completed' | 'failed';
  error?: string;
  path?: string;
  bytes?: number;
  polls: number;
  /** When its address was last signed, on the server's clock. */
  signedAt?: number;
}

/** Ids beyond 2^53, as the service's are. */
export function createIds(): { session(): string; big(): string; next(prefix: string): string } {
  let n = 0;
  const next = () => {
    n += 1;
    return n;
  };
  return {
    session: () => `55297987060244${String(15232 + next()).padStart(5, '0')}`,
    big: () => `90071992547409${String(93000 + next()).padStart(5, '0')}`,
    next: prefix => `${prefix}${next().toString(36).padStart(4, '0')}`,
  };
}

/** What a message asks for, as far as the stand-in understands it. */
export function wishIn(text: string, file: string): Wish {
  const exact = /(\d{3,})\s*(?:bytes|字节)/i.exec(text)?.[1];
  // "is 62 MB, which is too large: compress it to under 50MB": the last one is meant.
  const last = [...text.matchAll(/(\d+(?:\.\d+)?)\s*(GB|MB|kB)/gi)].at(-1);
  const factor = { gb: 1e9, mb: 1e6, kb: 1e3 }[(last?.[2] ?? '').toLowerCase()];
  const bytes = exact ? Number(exact) : last && factor ? Number(last[1]) * factor : undefined;
  const lines = /(\d{3,4})p\b/.exec(text)?.[1];
  return {
    ...(bytes === undefined ? {} : { bytes }),
    ...(lines === undefined ? {} : { lines: Number(lines) }),
    mute: /without sound|no sound|mute|去掉声音/i.test(text),
    ...(/\bH\.?264\b/i.test(text) ? { h264: true } : {}),
    file,
  };
}

/** How the service gives a duration: seconds, milliseconds, or seconds rounded down. */
export type DurationUnit = 's' | 'ms' | 'whole-s';

export function durationIn(seconds: number, unit: DurationUnit = 's'): number {
  if (unit === 'ms') return Math.round(seconds * 1000);
  return unit === 'whole-s' ? Math.floor(seconds) : seconds;
}

/** A draft as text: short keys, ids over 2^53, keys in an order JSON.parse would not keep. */
export function draftFor(wish: Wish, file: UploadedFile, big: () => string, revision: number): string {
  const d = Math.round(file.durationS * 1000);
  const segment = `{"id":${big()},"name":${JSON.stringify(file.name)},"d":${d},"10":"ten","2":"two"}`;
  return `{"id":${big()},"rev":${revision},"t":[{"tt":0,"sg":[${segment}]}], "d":${d},"m":{"title":"project","width":1920,"height":1080,"wish":${JSON.stringify(wish)}}}`;
}
