import { stat } from 'node:fs/promises';
import type { Order } from '../core/job.ts';
import type { Engine, EngineContext, LocalHelp, LocalRequest } from '../engine/engine.ts';
import { joinParts, splitAtKeyframes } from '../media/ffmpeg/split-join.ts';
import { probe } from '../media/probe/probe.ts';
import type { Tools } from '../media/ffmpeg/tools.ts';

/** What this machine does for the cloud engine; the two engines know nothing of each other. */
export function createLocalHelp(local: Engine, tools: Tools): LocalHelp {
  return {
    async shrink(request) {
      const { source, target, maxBytes } = request;
      const { size } = await stat(source);
      const asked = maxBytes === undefined ? {} : { size: { kind: 'bytes' as const, bytes: maxBytes } };
      const order: Order = { job: request.job, source, sourceBytes: size, target: { ...target, ...asked } };
      const { path, bytes, how } = await local.run(order, contextFor(request));
      return { path, bytes, how };
    },
    async split(request) {
      const { source, maxBytes } = request;
      const { bytes, durationS } = await probe(source, { tools, signal: request.signal });
      return splitAtKeyframes({ ...request, tools, source, sourceBytes: bytes, durationS, maxBytes });
    },
    join: request => joinParts({ ...request, tools }),
  };
}

/** A run inside a run: the job is the cloud engine's, and what this leaves in its folder is remembered there. */
function contextFor({ dir, signal, gate, log, onProgress }: LocalRequest): EngineContext {
  return {
    record: async () => {},
    resume: {},
    step: async () => {},
    doubt: async () => {},
    fact: async () => {},
    cloud: async () => {},
    progress: ({ fraction }) => fraction !== undefined && onProgress(fraction),
    signal,
    gate,
    workDir: dir,
    log,
  };
}
