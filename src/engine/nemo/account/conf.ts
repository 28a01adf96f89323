/**
 * `conf` without what it does to signals. It brings when-exit along, which answers the first signal of each kind by sending it to the
 * process once more: a daemon told to stop would take that for a person who insists, and end in the middle of its work. And a
 * signal somebody listens to does not end a process that hangs, which is what the watchdog's SIGABRT is for.
 *
 * Modules are evaluated in the order of their imports: that of conf must come after the look at who listened before.
 */
import { listenersBefore, SIGNALS } from './signals-before.ts';
import Conf from 'conf';

for (const signal of SIGNALS) {
  for (const listener of process.rawListeners(signal)) {
    if (!listenersBefore.get(signal)?.includes(listener)) process.off(signal, listener as NodeJS.SignalsListener);
  }
}

export { Conf };
