import { deferred } from '../../platform/async.ts';
import type { Io } from './context.ts';
import { EXIT } from './exit-codes.ts';

/** What a person or systemd does to end a command: asks once, then insists. */
export interface Stops {
  /** The first signal. */
  asked: Promise<NodeJS.Signals>;
  /** A second one: at once, please. */
  insisted: Promise<NodeJS.Signals>;
  close(): void;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Takes over the signals until `close`. SIGHUP is the terminal going away and ends a command like SIGTERM, unless there is
 * an `onHangup`: a daemon without a terminal reads its configuration again.
 */
export function listenForStops(signals: Io['signals'], onHangup?: () => void): Stops {
  const first = deferred<NodeJS.Signals>();
  const second = deferred<NodeJS.Signals>();
  let count = 0;
  const onSignal = (signal: NodeJS.Signals) => {
    if (signal === 'SIGHUP' && onHangup) return onHangup();
    count += 1;
    (count === 1 ? first : second).resolve(signal);
  };
  for (const signal of SIGNALS) signals.on(signal, onSignal);
  return {
    asked: first.promise,
    insisted: second.promise,
    close() {
      for (const signal of SIGNALS) signals.off(signal, onSignal);
    },
  };
}

/** Ctrl-C is an interruption; being stopped by the system is an ordinary end. */
export function exitCodeOf(signal: NodeJS.Signals): number {
  return signal === 'SIGINT' ? EXIT.interrupted : EXIT.fine;
}
