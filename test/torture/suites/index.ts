/** Every suite of `npm run torture`, in the order it runs. */
import type { Suite } from '../suite.ts';
import { crash } from './crash.ts';

export const suites: readonly Suite[] = [crash];
