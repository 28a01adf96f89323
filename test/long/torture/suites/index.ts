/** Every suite of `npm run torture`, in the order it runs. */
import type { Suite } from '../suite.ts';
import { crash } from './crash.ts';
import { disk } from './disk.ts';
import { files } from './files.ts';
import { model } from './model.ts';
import { neighbours } from './neighbours.ts';
import { network } from './network.ts';
import { peers } from './peers.ts';
import { security } from './security.ts';

export const suites: readonly Suite[] = [crash, model, disk, peers, files, network, security, neighbours];
