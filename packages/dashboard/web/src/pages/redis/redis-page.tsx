import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { RedisPoint, RedisView } from "../../../../src/api/redis-routes.ts";
import { reading } from "../../api/queries.ts";
import { Button } from "../../components/button.tsx";
import { Chart } from "../../components/chart.tsx";
import { Meter } from "../../components/meter.tsx";
import { PageHead, Reading } from "../../components/page.tsx";
import { Glyph } from "../../components/state.tsx";
import { type Column, Table } from "../../components/table.tsx";
import { Ago, Duration } from "../../components/time.tsx";
import { bytes, count, percent, significant } from "../../format/numbers.ts";
import { duration } from "../../format/times.ts";
import { live } from "../../live/live.ts";
import { useStore } from "../../store.ts";
import { useWords } from "../../words/index.ts";

const SPANS = { hours: 10_800_000, day: 86_400_000, week: 604_800_000 } as const;
type Span = keyof typeof SPANS;
/** The server is looked at again so often while the view is live, ms. */
const AGAIN = 10_000;

/** The server that holds everything. */
export function RedisPage() {
  const { redis: said } = useWords();
  const { state } = useStore(live);
  const refetchInterval = state === "paused" ? false : AGAIN;
  const view = useQuery({ ...reading<RedisView>("/redis", { topics: ["redis"] }), refetchInterval });
  const server = view.data?.server;
  const lead = server === undefined ? said.leadShort : said.lead(server, duration(server.uptime));
  return (
    <>
      <PageHead title={said.title} tab={said.title} lead={lead} />
      <Reading of={view}>
        {(redis) => (
          <>
            <Warnings redis={redis} />
            <Figures redis={redis} />
            <Trend />
            <div className="grid2">
              <MemoryKinds redis={redis} />
              <Persistence redis={redis} />
            </div>
            <div className="grid2">
              <Latency redis={redis} />
              <Clients redis={redis} />
            </div>
            <Slow redis={redis} />
          </>
        )}
      </Reading>
    </>
  );
}

function Warnings({ redis }: { redis: RedisView }) {
  const { redis: said } = useWords();
  if (redis.warnings.length === 0) {
    return (
      <p className="row soft">
        <Glyph name="completed" /> {said.well}
      </p>
    );
  }
  const { memory, evicted } = redis.server;
  const share = memory.limit === null ? "" : percent(memory.used / memory.limit);
  const facts = { policy: memory.policy, share, evicted: count(evicted) };
  return redis.warnings.map(({ code, level }) => (
    <div className={`note ${level === "soon" ? "warn" : "bad"}`} key={code}>
      <Glyph name={level === "soon" ? "warn" : "failed"} />
      <p>{said.warnings[code](facts)}</p>
    </div>
  ));
}

function Figures({ redis }: { redis: RedisView }) {
  const { redis: said } = useWords();
  const { memory, keys, connections, commandsPerSecond } = redis.server;
  const slowest = redis.latency
    .filter(({ host }) => host !== null)
    .reduce<RedisView["latency"][number] | null>(
      (worst, one) => (worst === null || one.typical > worst.typical ? one : worst),
      null,
    );
  const shown = slowest ?? redis.latency[0];
  return (
    <div className="figures five">
      <Figure
        label={said.memory}
        value={bytes(memory.used)}
        hint={memory.limit === null ? said.noLimit : said.memoryOf(bytes(memory.limit))}
      />
      <Figure label={said.keys} value={count(keys)} hint={said.keysHint} />
      <Figure
        label={said.connections}
        value={count(connections.open)}
        hint={said.blocked(count(connections.blocked))}
      />
      <Figure label={said.commands} value={count(commandsPerSecond)} hint={said.perSecond} />
      {shown && (
        <Figure
          label={said.answer}
          value={`${significant(shown.typical)} ms`}
          hint={shown.host === null ? said.answerOfPage : said.answerHint(shown.host)}
        />
      )}
    </div>
  );
}

function Figure({ label, value, hint }: { label: string; value: string; hint: string }) {
  return (
    <div>
      <span className="label">{label}</span>
      <b>{value}</b>
      <small className="soft">{hint}</small>
    </div>
  );
}

function Trend() {
  const { redis: said } = useWords();
  const [span, setSpan] = useState<Span>("day");
  const trend = useQuery(
    reading<{ points: RedisPoint[] }>("/redis/trend", { topics: ["redis"], query: { last: SPANS[span] } }),
  );
  return (
    <section aria-label={said.trend} className="stack trend">
      <fieldset className="seg" aria-label={said.trend}>
        {(Object.keys(SPANS) as Span[]).map((one) => (
          <button key={one} type="button" aria-pressed={one === span} onClick={() => setSpan(one)}>
            {said.trendOf[one]}
          </button>
        ))}
      </fieldset>
      <Reading of={trend} rows={3}>
        {({ points }) =>
          points.length < 2 ? <p className="soft">{said.noTrend}</p> : <Charts points={points} span={SPANS[span]} />
        }
      </Reading>
    </section>
  );
}

/** Longer without a point is a gap: no host was there to note one, ms. */
const GAP = 900_000;

function Charts({ points, span }: { points: readonly RedisPoint[]; span: number }) {
  const { redis: said } = useWords();
  const known = points.flatMap((point, index) => {
    const before = points[index - 1];
    const isGap = before !== undefined && point.at - before.at > GAP;
    return isGap
      ? [
          { at: before.at + 1, point: null },
          { at: point.at, point },
        ]
      : [{ at: point.at, point }];
  });
  const times = known.map(({ at }) => at);
  const to = times.at(-1) ?? 0;
  const of = (figure: "used" | "keys" | "commandsPerSecond", name: string) => [
    { name, color: 1 as const, form: "area" as const, values: known.map(({ point }) => point?.[figure] ?? null) },
  ];
  const shown = { times, span: { from: Math.min(to - span, times[0] ?? to), to } };
  return (
    <div className="grid3 charts">
      <Chart
        {...shown}
        title={said.memoryTrend}
        label={said.memoryTrendLabel}
        series={of("used", said.memory)}
        format={bytes}
        least={1_048_576}
      />
      <Chart {...shown} title={said.keysTrend} label={said.keysTrendLabel} series={of("keys", said.keys)} />
      <Chart
        {...shown}
        title={said.commandsTrend}
        label={said.commandsTrendLabel}
        series={of("commandsPerSecond", said.commands)}
      />
    </div>
  );
}

function MemoryKinds({ redis: { memory } }: { redis: RedisView }) {
  const { redis: said } = useWords();
  const rows = Object.entries(memory.value?.bytes ?? {})
    .map(([kind, size]) => ({ kind: kind as keyof typeof said.kinds, size }))
    .filter(({ size }) => size > 0)
    .sort((left, right) => right.size - left.size);
  const total = rows.reduce((sum, { size }) => sum + size, 0);
  const columns: Column<(typeof rows)[number]>[] = [
    { key: "kind", head: said.kind, cell: ({ kind }) => said.kinds[kind] },
    {
      key: "share",
      head: said.share,
      label: said.share,
      cell: ({ kind, size }) => (
        <span className="usage">
          <span>{percent(size / total)}</span>
          <Meter used={size} of={total} label={`${said.kinds[kind]}: ${percent(size / total)}`} />
        </span>
      ),
    },
    { key: "size", head: said.memory, label: said.memory, isNumber: true, cell: ({ size }) => bytes(size) },
  ];
  return (
    <Section title={said.byWhat} reason={memory.reason}>
      <div className="memory-kinds">
        <Table caption={said.byWhat} columns={columns} rows={rows} rowKey={({ kind }) => kind} />
      </div>
      {memory.value && (
        <footer>
          {memory.value.isWhole
            ? said.whole(count(memory.value.keys))
            : said.sampled(count(memory.value.looked), count(memory.value.keys))}
        </footer>
      )}
    </Section>
  );
}

function Persistence({ redis: { server } }: { redis: RedisView }) {
  const { redis: said } = useWords();
  const { memory, persistence, evicted } = server;
  const { appendOnly, isAppendGood, snapshotAt, isSnapshotGood, unsaved } = persistence;
  const isGood = memory.policy === "noeviction";
  return (
    <Section title={said.persistence} reason={null}>
      <dl className="facts body">
        <dt>{said.appendOnly}</dt>
        <dd className={isAppendGood ? "" : "bad"}>
          {isAppendGood ? (appendOnly ? said.appendOn : said.appendOff) : said.appendBad}
        </dd>
        <dt>{said.snapshot}</dt>
        <dd>
          {snapshotAt === null ? said.noSnapshot : <Ago at={snapshotAt} />}
          {!isSnapshotGood && <b className="bad"> {said.snapshotBad}</b>}
        </dd>
        <dt>{said.unsaved}</dt>
        <dd>{count(unsaved)}</dd>
        <dt>{said.policy}</dt>
        <dd className={isGood ? "" : "bad"}>{isGood ? said.policyGood : said.policyBad(memory.policy)}</dd>
        {evicted > 0 && (
          <>
            <dt>{said.evicted}</dt>
            <dd className="bad">{count(evicted)}</dd>
          </>
        )}
        <dt>{said.peak}</dt>
        <dd>{bytes(memory.peak)}</dd>
        {memory.resident !== null && (
          <>
            <dt>{said.resident}</dt>
            <dd>{bytes(memory.resident)}</dd>
          </>
        )}
      </dl>
    </Section>
  );
}

function Latency({ redis: { latency } }: { redis: RedisView }) {
  const { redis: said } = useWords();
  type Row = RedisView["latency"][number];
  const columns: Column<Row>[] = [
    { key: "host", head: said.host, cell: ({ host }) => host ?? <span className="soft">{said.thisPage}</span> },
    {
      key: "typical",
      head: said.typical,
      label: said.typical,
      isNumber: true,
      cell: ({ typical }) => answerTime(typical),
    },
    {
      key: "longest",
      head: said.longest,
      label: said.longest,
      isNumber: true,
      cell: ({ longest }) => answerTime(longest),
    },
  ];
  return (
    <Section title={said.latency} reason={null}>
      <Table caption={said.latency} columns={columns} rows={latency} rowKey={({ host }) => host ?? ""} />
    </Section>
  );
}

/** Answers of a near server take a part of a millisecond. */
function answerTime(ms: number): ReactNode {
  return ms < 1 ? `${significant(ms)} ms` : <Duration ms={ms} />;
}

function Clients({ redis: { clients } }: { redis: RedisView }) {
  const { redis: said } = useWords();
  type Row = NonNullable<RedisView["clients"]["value"]>[number];
  const columns: Column<Row>[] = [
    { key: "role", head: said.role, cell: ({ role }) => said.roles[role] ?? role },
    {
      key: "connections",
      head: said.connections,
      label: said.connections,
      isNumber: true,
      cell: ({ connections }) => count(connections),
    },
    { key: "blocked", head: said.waiting, label: said.waiting, isNumber: true, cell: ({ blocked }) => count(blocked) },
    { key: "unread", head: said.unread, label: said.unread, isNumber: true, cell: ({ unread }) => bytes(unread) },
  ];
  return (
    <Section title={said.clients} reason={clients.reason}>
      <Table caption={said.clients} columns={columns} rows={clients.value ?? []} rowKey={({ role }) => role} />
    </Section>
  );
}

/** Slow commands that are shown at first. */
const FIRST_SLOW = 12;

function Slow({ redis: { slow } }: { redis: RedisView }) {
  const { redis: said } = useWords();
  type Row = NonNullable<RedisView["slow"]["value"]>[number];
  const [isWhole, setWhole] = useState(false);
  const all = (slow.value ?? []).map((command, place) => ({ ...command, place }));
  const rows = isWhole ? all : all.slice(0, FIRST_SLOW);
  const columns: Column<Row & { place: number }>[] = [
    { key: "command", head: said.command, cell: ({ command }) => <span className="mono">{command}</span> },
    {
      key: "keys",
      head: said.on,
      label: said.on,
      isFull: true,
      cell: ({ keys }) => <span className="mono target">{keys.join(" ")}</span>,
    },
    { key: "client", head: said.from, label: said.from, isMinor: true, cell: ({ client }) => client },
    { key: "took", head: said.took, label: said.took, isNumber: true, cell: ({ took }) => <Duration ms={took} /> },
    { key: "at", head: said.at, label: said.at, isNumber: true, cell: ({ at }) => <Ago at={at} /> },
  ];
  return (
    <Section title={said.slow} reason={slow.reason}>
      {rows.length === 0 ? (
        <p className="body soft">{said.noSlow}</p>
      ) : (
        <>
          <Table caption={said.slow} columns={columns} rows={rows} rowKey={({ place }) => String(place)} />
          <footer>
            {rows.length < all.length && (
              <Button size="small" look="quiet" icon="down" onClick={() => setWhole(true)}>
                {said.allSlow(count(all.length))}
              </Button>
            )}{" "}
            {said.slowHint}
          </footer>
        </>
      )}
    </Section>
  );
}

/** A part of the page; where Redis does not tell, the reason stands in its place. */
function Section({ title, reason, children }: { title: string; reason: string | null; children: ReactNode }) {
  const { redis: said } = useWords();
  return (
    <section className="card">
      <header>
        <h2>{title}</h2>
      </header>
      {reason === null ? (
        children
      ) : (
        <div className="body">
          <p className="row soft">
            <Glyph name="info" /> {said.hidden}: {reason}
          </p>
        </div>
      )}
    </section>
  );
}
