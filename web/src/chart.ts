/** Quiet charts: `<figure data-chart="/address.json">`, with the same figures as a table beneath. */
import { BarChart, LineChart } from "echarts/charts";
import { GridComponent, LegendComponent, MarkLineComponent, TooltipComponent } from "echarts/components";
import { type EChartsCoreOption, init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { enhance, make, one } from "./lib/dom.js";
import { say } from "./lib/words.js";

use([
  BarChart,
  LineChart,
  GridComponent,
  LegendComponent,
  MarkLineComponent,
  TooltipComponent,
  CanvasRenderer,
]);

type Role = "main" | "reference" | "overdue" | "soon" | "on_time";

/** What the address answers. */
interface ChartData {
  type: "line" | "bar" | "column";
  unit?: string;
  x_label?: string;
  x: string[];
  series: { name: string; values: (number | null)[]; role?: Role }[];
  /** A line across: the threshold of a rule, a target. */
  threshold?: { value: number; label: string };
  stacked?: boolean;
}

const WAN = 10_000;
const ROLES: Record<Role, string> = {
  main: "--hy-brand",
  reference: "--hy-line-2",
  overdue: "--hy-overdue",
  soon: "--hy-soon",
  on_time: "--hy-on-time",
};
const ORDER: Role[] = ["main", "reference", "soon", "on_time"];

function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function figure(value: number | null | undefined): string {
  if (value === null || value === undefined) return say("无数据");
  if (Math.abs(value) >= WAN) return `${(value / WAN).toFixed(1).replace(/\.0$/, "")} 万`;
  return value.toLocaleString("en", { maximumFractionDigits: 2 });
}

/** What stands over the axis: of one series its name too, since it has no legend. */
function title(data: ChartData): string {
  const [only, second] = data.series;
  if (!only || second) return data.unit ?? "";
  return data.unit ? `${only.name}（${data.unit}）` : only.name;
}

function option(data: ChartData): EChartsCoreOption {
  const ink = token("--hy-ink-3");
  const line = token("--hy-line");
  const family = getComputedStyle(document.body).fontFamily;
  const text = { color: ink, fontFamily: family, fontSize: 12 };
  const category = {
    type: "category",
    data: data.x,
    axisLine: { lineStyle: { color: token("--hy-line-2") } },
    axisTick: { show: false },
    axisLabel: { ...text, hideOverlap: true },
  };
  const value = {
    type: "value",
    name: title(data),
    nameTextStyle: { ...text, align: "left" },
    splitNumber: 4,
    axisLabel: { ...text, formatter: figure },
    splitLine: { lineStyle: { color: line } },
  };
  const sideways = data.type === "bar";
  return {
    animation: false,
    textStyle: { fontFamily: family },
    grid: {
      left: 8,
      right: 16,
      top: title(data) || data.series.length > 1 ? 36 : 12,
      bottom: 4,
      containLabel: true,
    },
    legend: {
      show: data.series.length > 1,
      right: 0,
      top: 0,
      itemWidth: 14,
      itemHeight: 8,
      icon: "rect",
      textStyle: text,
    },
    // Rich text is drawn on the canvas: no markup, so nothing the page's policy would refuse.
    tooltip: {
      trigger: "axis",
      renderMode: "richText",
      backgroundColor: token("--hy-paper"),
      borderColor: token("--hy-line-2"),
      borderWidth: 1,
      padding: [8, 12],
      textStyle: { color: token("--hy-ink"), fontFamily: family, fontSize: 12 },
      valueFormatter: (shown: unknown) =>
        `${figure(typeof shown === "number" ? shown : null)}${data.unit ? ` ${data.unit}` : ""}`,
      axisPointer: {
        type: data.type === "line" ? "line" : "none",
        lineStyle: { color: token("--hy-line-2") },
      },
    },
    xAxis: sideways ? value : category,
    yAxis: sideways ? { ...category, inverse: true } : value,
    series: data.series.map((series, position) => {
      const tone = token(ROLES[series.role ?? ORDER[position % ORDER.length] ?? "main"]);
      return {
        name: series.name,
        type: data.type === "line" ? "line" : "bar",
        data: series.values,
        ...(data.stacked ? { stack: "all" } : {}),
        showSymbol: false,
        symbolSize: 6,
        barMaxWidth: 22,
        lineStyle: { width: 2, color: tone },
        itemStyle: { color: tone, borderRadius: data.stacked ? 0 : 2 },
        ...(position === 0 && data.threshold
          ? {
              markLine: {
                symbol: "none",
                silent: true,
                lineStyle: { color: token("--hy-overdue"), type: "dashed", width: 1 },
                label: {
                  formatter: data.threshold.label,
                  position: "insideStartTop",
                  color: token("--hy-overdue-text"),
                  fontSize: 12,
                },
                data: [sideways ? { xAxis: data.threshold.value } : { yAxis: data.threshold.value }],
              },
            }
          : {}),
      };
    }),
  };
}

function table(data: ChartData): HTMLTableElement {
  const unit = data.unit ? `（${data.unit}）` : "";
  const head = make("tr", {}, make("th", { scope: "col" }, data.x_label ?? say("时间")));
  for (const series of data.series)
    head.append(make("th", { scope: "col", class: "hy-num" }, `${series.name}${unit}`));
  const body = make("tbody");
  data.x.forEach((label, row) => {
    const cells = data.series.map((series) => make("td", { class: "hy-num" }, figure(series.values[row])));
    body.append(make("tr", {}, make("td", {}, label), ...cells));
  });
  return make("table", { class: "hy-table" }, make("thead", {}, head), body);
}

enhance<HTMLElement>("[data-chart]", (host) => {
  const canvas = one("[data-chart-canvas]", host);
  if (!canvas) return;
  const draw = async () => {
    const answer = await fetch(host.dataset.chart ?? "", { credentials: "same-origin" });
    if (!answer.ok) throw new Error(String(answer.status));
    const data = (await answer.json()) as ChartData;
    const chart = init(canvas, null, { renderer: "canvas" });
    chart.setOption(option(data));
    new ResizeObserver(() => chart.resize()).observe(canvas);
    document.addEventListener("huying:theme", () => chart.setOption(option(data)));
    one("[data-chart-table]", host)?.replaceChildren(table(data));
  };
  draw().catch(() => {
    canvas.replaceChildren(make("p", { class: "hy-muted" }, say("图没有加载出来。请稍后再试。")));
  });
});
