from connectors.sdk.testing import connector_contract
from plumbline_connector_sql.sample import sample
from plumbline_connector_sql.source import SqlSource

TestSql = connector_contract(SqlSource, sample)
