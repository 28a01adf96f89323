/** Who listened to signals before `conf` was loaded. A separate module, because it must be evaluated before conf; see conf.ts. */
import { constants } from 'node:os';

export const SIGNALS = Object.keys(constants.signals) as NodeJS.Signals[];

export const listenersBefore: ReadonlyMap<NodeJS.Signals, readonly unknown[]> = new Map(
  SIGNALS.map(signal => [signal, process.rawListeners(signal)]),
);
