import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import type { FailureGroup, Failures } from "../../../../src/api/types.ts";
import { reading } from "../../api/queries.ts";
import { Bars } from "../../components/bars.tsx";
import { Icon } from "../../components/icon.tsx";
import { Empty, PageHead, Reading } from "../../components/page.tsx";
import { Segments } from "../../components/segments.tsx";
import { Ago } from "../../components/time.tsx";
import { useKeys } from "../../components/use-keys.ts";
import { count } from "../../format/numbers.ts";
import { soonAgain } from "../../live/away.ts";
import { FAILURE_RANGES, type FailureRange, type FailureSearch } from "../../router-search.ts";
import { useWords } from "../../words/index.ts";
import { FailureDetails } from "./failure-details.tsx";

/** A failure comes with its task; without a word it is looked for so often, ms. */
const LOOK_AGAIN = 30_000;

export function FailuresPage() {
  const { failures: said } = useWords();
  const search: FailureSearch = useSearch({ from: "/failures" });
  const { range = "1h", pool, group } = search;
  const navigate = useNavigate();
  const failures = useQuery({
    ...reading<Failures>("/failures", { topics: ["failures", "pools"], query: { range, pool } }),
    placeholderData: (before: Failures | undefined) => before,
    refetchInterval: ({ state }) => soonAgain(state, LOOK_AGAIN),
  });
  const turn = (change: Partial<FailureSearch>): void =>
    void navigate({ to: "/failures", search: { ...search, ...change }, replace: true });
  const { data } = failures;
  const lead = data ? leadOf(data, { said, range }) : undefined;
  const opened = data?.groups.find(({ id }) => id === group);
  return (
    <>
      <PageHead
        title={said.title}
        tab={opened ? said.tab(opened.task, opened.error.name, count(opened.count)) : said.title}
        lead={lead}
        actions={
          <Segments
            label={said.range}
            choices={FAILURE_RANGES.map((one) => [one, said.ranges[one]] as const)}
            chosen={range}
            onChoose={(chosen: FailureRange) => turn({ range: chosen })}
          />
        }
      />
      <Reading of={failures} rows={8}>
        {(answer) => <Groups failures={answer} search={search} onTurn={turn} />}
      </Reading>
    </>
  );
}

type Said = ReturnType<typeof useWords>["failures"];

function leadOf({ count: failed, groups }: Failures, { said, range }: { said: Said; range: FailureRange }): string {
  const [largest] = groups;
  if (!largest) return said.lead;
  const one = groups.length > 1 && largest.count >= failed / 2 ? said.largest(count(largest.count)) : "";
  return `${said.summary(count(failed), groups.length, said.inRange[range])} ${one}`.trim();
}

function Groups(props: {
  failures: Failures;
  search: FailureSearch;
  onTurn: (change: Partial<FailureSearch>) => void;
}) {
  const { failures, search, onTurn } = props;
  const { failures: said } = useWords();
  const { range = "1h", q = "", pool, group } = search;
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  const groups = failures.groups.filter((one) => words.every((word) => textOf(one).includes(word)));
  const opened = group ?? groups[0]?.id;
  useStepKeys(groups, { opened, onOpen: (id) => onTurn({ group: id }) });
  if (failures.groups.length === 0 && group === undefined) return <NothingFailed failures={failures} search={search} />;
  return (
    <>
      <search className="query">
        <Icon name="search" />
        {pool !== undefined && (
          <span className="chip">
            {said.inPool(pool)}
            <button type="button" aria-label={said.allPools} onClick={() => onTurn({ pool: "" })}>
              <Icon name="close" />
            </button>
          </span>
        )}
        <input
          aria-label={said.filter}
          placeholder={said.filterHint}
          value={q}
          onChange={(event) => onTurn({ q: event.target.value })}
        />
        <span className="soft not-phone keys-hint">
          <kbd>J</kbd> <kbd>K</kbd> {said.nextGroup}
        </span>
      </search>
      <div className={group === undefined ? "md" : "md opened"}>
        <section className="list-col" aria-label={said.groups}>
          {groups.length === 0 ? (
            <p className="soft">{said.noMatch}</p>
          ) : (
            <ul className="card pick">
              {groups.map((one) => (
                <li key={one.id}>
                  <GroupLink group={one} isOpen={one.id === opened} search={search} />
                </li>
              ))}
            </ul>
          )}
          {failures.hasMore && <p className="soft">{said.more}</p>}
        </section>
        {opened !== undefined && (
          <section className="stack detail-col" aria-label={said.detail}>
            <Link className="only-phone" to="/failures" search={withoutGroup(search)}>
              ‹ {said.back(failures.groups.length)}
            </Link>
            <FailureDetails key={opened} id={opened} range={range} />
          </section>
        )}
      </div>
    </>
  );
}

function withoutGroup({ group: _, ...search }: FailureSearch): FailureSearch {
  return search;
}

function GroupLink({ group, isOpen, search }: { group: FailureGroup; isOpen: boolean; search: FailureSearch }) {
  const { failures: said } = useWords();
  const { id, task, error, pools, hosts, first, trend, bars } = group;
  const place = hosts.length === 1 ? said.hostOnly(hosts[0] ?? "") : hosts.join(", ");
  return (
    <Link to="/failures" search={{ ...search, group: id }} aria-current={isOpen ? "true" : undefined}>
      <span className="top">
        <b>{task || said.otherErrors}</b>
        <span className="soft">{said.inPools(pools)}</span>
        <span className={trend === "rising" || trend === "new" ? "num bad" : "num"}>{count(group.count)}</span>
      </span>
      <span className="msg">
        {error.name}: {error.message}
      </span>
      <span className="meta">
        <span>
          {said.began} <Ago at={first} />
        </span>
        <span>{place}</span>
        <span className="push row">
          {said.trends[trend]}
          <Bars values={bars} label={`${task}: ${said.trends[trend]}`} />
        </span>
      </span>
    </Link>
  );
}

function textOf({ task, error, pools, hosts, frame }: FailureGroup): string {
  return [task, error.name, error.message, frame, ...pools, ...hosts].join(" ").toLowerCase();
}

/** `j` and `k` open the next and the previous group. */
function useStepKeys(
  groups: readonly FailureGroup[],
  { opened, onOpen }: { opened: string | undefined; onOpen: (id: string) => void },
): void {
  const step = (by: number) => () => {
    const at = groups.findIndex(({ id }) => id === opened);
    const next = groups[Math.min(groups.length - 1, Math.max(0, at + by))];
    if (next) onOpen(next.id);
  };
  useKeys([
    ["j", step(1)],
    ["k", step(-1)],
  ]);
}

function NothingFailed({ failures, search }: { failures: Failures; search: FailureSearch }) {
  const { failures: said } = useWords();
  const { range = "1h" } = search;
  return (
    <Empty title={said.nothing(said.inRange[range])}>
      <p>{said.completed(count(failures.completed))}</p>
      {range !== "30d" && (
        <p>
          <Link className="btn" to="/failures" search={{ ...search, range: "30d" }}>
            {said.seeAll}
          </Link>
        </p>
      )}
    </Empty>
  );
}
