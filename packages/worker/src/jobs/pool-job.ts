import type { JobEnvelope, JobReturn } from "@manyhands/core/internal";
import type { Job } from "bullmq";

/** A BullMQ job as manyhands writes it. */
export type PoolJob = Job<JobEnvelope, JobReturn>;
