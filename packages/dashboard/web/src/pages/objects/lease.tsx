import type { ObjectView } from "../../../../src/api/types.ts";
import { Meter } from "../../components/meter.tsx";
import { wholeDuration } from "../../format/times.ts";
import { useWords } from "../../words/index.ts";

/** The lease of a lock: how much is left, of how much, and when it was renewed. */
export function Lease({ object }: { object: ObjectView }) {
  const { objects: words, common } = useWords();
  const { lease, leaseLeft } = object;
  if (leaseLeft === null) return null;
  const left = wholeDuration(leaseLeft);
  if (lease === null) return <b>{left}</b>;
  const full = wholeDuration(lease);
  return (
    <>
      <b>{left}</b> {words.ofLease(full)}
      <Meter used={leaseLeft} of={lease} label={words.leaseMeter(left, full)} warn={leaseLeft < lease / 2} />
      <span className="soft">{words.renewedAgo(common.ago(wholeDuration(Math.max(0, lease - leaseLeft))))}</span>
    </>
  );
}
