/**
 * `conf` without its signal listeners. It loads when-exit, which answers the first signal of each kind by sending it to the process
 * again: a daemon that is stopping would take that for an insistent person, and end in the middle of its work. And a signal
 * with a listener does not end a hung process, which is what the watchdog's SIGABRT is for.
 *
 * Modules are evaluated in the order of their imports, so signals-before.ts must be imported before conf.
 */
import { listenersBefore, SIGNALS } from './signals-before.ts';
import Conf from 'conf';

for (const signal of SIGNALS) {
  for (const listener of process.rawListeners(signal)) {
    if (!listenersBefore.get(signal)?.includes(listener)) process.off(signal, listener as NodeJS.SignalsListener);
  }
}

export { Conf };
