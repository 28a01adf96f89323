import { deferred } from '../../platform/async.ts';
import type { Io } from './context.ts';
import { EXIT } from './exit-codes.ts';

/** Signals that end a command: the first asks, the second insists. */
export interface Stops {
  requested: Promise<NodeJS.Signals>;
  forced: Promise<NodeJS.Signals>;
  close(): void;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Takes over the signals until `close`. SIGHUP means that the terminal is gone and ends a command like SIGTERM, unless `onHangup`
 * is given: a daemon without a terminal reloads its configuration.
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
    requested: first.promise,
    forced: second.promise,
    close() {
      for (const signal of SIGNALS) signals.off(signal, onSignal);
    },
  };
}

/** Ctrl-C interrupts; a stop by the system is an ordinary end. */
export function exitCodeOf(signal: NodeJS.Signals): number {
  return signal === 'SIGINT' ? EXIT.interrupted : EXIT.fine;
}
