/** Every suite of `npm run torture`, in the order it runs. */
import type { Suite } from '../suite.ts';
import { crash } from './crash.ts';
import { disk } from './disk.ts';
import { model } from './model.ts';

export const suites: readonly Suite[] = [crash, model, disk];
