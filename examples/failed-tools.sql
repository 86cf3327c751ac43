-- Which tools fail most, and how long they take. Run: loci sql --file examples/failed-tools.sql
SELECT tool_name,
       count(*) AS calls,
       sum(status = 'error') AS errors,
       round(avg(duration_ms)) AS mean_ms
FROM tool_executions
GROUP BY tool_name
ORDER BY errors DESC, calls DESC
LIMIT 20
