/**
 * The eleven things a drop-folder program must survive and its peers do not (what each of them did was measured; see the
 * README). One line each, with what was measured.
 */
import { droppedWhileDown, oldFile, stalledUpload, startedMidCopy } from '../peers/arriving.ts';
import { capAccuracy, idle, manyFiles } from '../peers/load.ts';
import { damagedSources, fullDisk, killedAnywhere, replacedWhileEncoding } from '../peers/mishaps.ts';
import type { Suite } from '../suite.ts';

export const peers: Suite = {
  name: 'peers',
  about: 'the eleven things other drop-folder programs lose files by',
  cases: [
    stalledUpload,
    startedMidCopy,
    droppedWhileDown,
    oldFile,
    killedAnywhere,
    fullDisk,
    damagedSources,
    replacedWhileEncoding,
    manyFiles,
    capAccuracy,
    idle,
  ],
};
