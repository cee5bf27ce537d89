const WIDTH = 84;
const HEIGHT = 22;

/** A small line without axes, which stands beside its number. */
export function Spark(props: {
  values: readonly number[];
  label: string;
  bad?: boolean;
  /** As broad as its place. */
  isBroad?: boolean;
}) {
  const { values, label, bad = false, isBroad = false } = props;
  const most = Math.max(1, ...values);
  const step = values.length < 2 ? WIDTH : WIDTH / (values.length - 1);
  const points = values.map(
    (value, index) => `${(index * step).toFixed(1)} ${(HEIGHT - 1 - (value / most) * (HEIGHT - 3)).toFixed(1)}`,
  );
  const line = points.length === 0 ? "" : `M${points.join("L")}`;
  return (
    <svg
      className={`spark${bad ? " bad" : ""}${isBroad ? " broad" : ""}`}
      preserveAspectRatio={isBroad ? "none" : undefined}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={label}
    >
      {line !== "" && <path className="area" d={`${line}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}z`} />}
      {line !== "" && <path d={line} />}
    </svg>
  );
}
