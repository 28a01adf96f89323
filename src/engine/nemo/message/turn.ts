import type { Sentence } from '../../../core/message.ts';
import { say } from '../../../messages/say.ts';
import type { Parsed } from '../http/json.ts';
import { sanitizeReply } from '../http/sanitize.ts';
import type { StreamEvent } from './events.ts';

/** What a message's stream has delivered so far. */
export interface Turn {
  /** Whole replies, in order. */
  texts: readonly string[];
  /** Parts of a reply that is not complete yet. */
  partial: string;
  /** Names of tools called, in order. */
  tools: readonly string[];
  /** Calls without a result yet. */
  openTools: number;
  error: { message: string; code: string | undefined; body: Parsed } | undefined;
  question: string | undefined;
  /** Events that were more than a sign of life. */
  substance: number;
  /** The last event was a whole reply and no tool is running: the turn may be over though the stream stays open. */
  mayBeOver: boolean;
}

export const SILENCE: Turn = {
  texts: [],
  partial: '',
  tools: [],
  openTools: 0,
  error: undefined,
  question: undefined,
  substance: 0,
  mayBeOver: false,
};

/** How much is kept of a stream that never ends: the last replies and tools, the beginning of each. */
const MAX_KEPT = 100;
const MAX_KEPT_LENGTH = 20_000;

/** The turn after one more event; pure. */
export function reduceTurn(turn: Turn, event: StreamEvent): Turn {
  if (event.kind === 'alive') return turn;
  if (event.kind === 'end-hint') return { ...turn, mayBeOver: true };
  const next = { ...turn, substance: turn.substance + 1 };
  switch (event.kind) {
    case 'text':
      if (event.extent === 'part')
        return { ...next, partial: (turn.partial + event.text).slice(0, MAX_KEPT_LENGTH), mayBeOver: false };
      // The whole reply repeats its parts, so it replaces them.
      return { ...next, texts: append(turn.texts, event.text), partial: '', mayBeOver: turn.openTools === 0 };
    case 'tool': {
      const openTools = Math.max(0, turn.openTools + (event.phase === 'call' ? 1 : -1));
      const tools = event.phase === 'call' ? append(turn.tools, event.name) : turn.tools;
      return { ...next, openTools, tools, mayBeOver: false };
    }
    case 'error':
      // The first error is the cause; later ones are fallout.
      return {
        ...next,
        error: turn.error ?? { message: event.message, code: event.code, body: event.body },
        mayBeOver: false,
      };
    case 'question':
      return { ...next, question: event.text, mayBeOver: true };
    case 'activity':
    case 'noise':
      return { ...next, mayBeOver: false };
  }
}

function append(list: readonly string[], text: string): string[] {
  return [...list, text.slice(0, MAX_KEPT_LENGTH)].slice(-MAX_KEPT);
}

/** The service appends this to replies that were fine, but also says only this when something did go wrong. */
const NOISE = /^\W*I(?:'ve| have)? encountered a temporary issue\b/i;

/** The agent's replies for a person, without its reports of trouble; empty if there are no others. */
export function repliesOf(turn: Turn): string {
  const texts = turn.partial === '' ? turn.texts : [...turn.texts, turn.partial];
  return texts
    .map(sanitizeReply)
    .filter(text => text !== '' && !isTrouble(text))
    .join('\n');
}

/** True if the agent only reported trouble: then nobody knows what happened. */
export function isOnlyTrouble(turn: Turn): boolean {
  const said = [...turn.texts, turn.partial].map(sanitizeReply).filter(text => text !== '');
  return said.length > 0 && said.every(isTrouble);
}

function isTrouble(text: string): boolean {
  // Some builds of ADK put the error into an ordinary reply (adk-python #4244).
  return NOISE.test(text) || text.startsWith('Error: ');
}

/** Whether anything was done before an error, which does not undo it. */
export function didSomething(turn: Turn): boolean {
  return turn.tools.length > 0 || turn.texts.length > 0 || turn.partial !== '';
}

/** What is being done, for the progress line; derived only from the tool's name. */
export function toolSentence(tool: string): Sentence {
  const name = tool.toLowerCase();
  if (/generate_video|seedance/.test(name)) return say('nemo.generating-video');
  if (/music|audio|voice|suno|bgm/.test(name)) return say('nemo.generating-sound');
  if (/edit|draft|multitrack|timeline/.test(name)) return say('nemo.editing-timeline');
  if (/understand|analy/.test(name)) return say('nemo.viewing-material');
  return say('nemo.working');
}
