"""Which handler does what an adapter's table asks for: one for each operation, whatever the version."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from adapters.contract import Operation
from api.ocpi import (
    cdrs,
    charging_profiles,
    commands,
    credentials,
    hub_clients,
    invoice_records,
    locations,
    sessions,
    tariffs,
    tokens,
)
from api.ocpi.call import Handler

HANDLERS: Final[Mapping[Operation, Handler]] = MappingProxyType(
    {
        Operation.GET_CREDENTIALS: credentials.get_credentials,
        Operation.REGISTER: credentials.register,
        Operation.UPDATE_CREDENTIALS: credentials.update_credentials,
        Operation.UNREGISTER: credentials.unregister,
        Operation.LIST_LOCATIONS: locations.list_locations,
        Operation.GET_LOCATION: locations.get_location,
        Operation.GET_EVSE: locations.get_evse,
        Operation.GET_CONNECTOR: locations.get_connector,
        Operation.PUT_LOCATION: locations.put_location,
        Operation.PUT_EVSE: locations.put_evse,
        Operation.PUT_CONNECTOR: locations.put_connector,
        Operation.PATCH_LOCATION: locations.patch_location,
        Operation.PATCH_EVSE: locations.patch_evse,
        Operation.PATCH_CONNECTOR: locations.patch_connector,
        Operation.LIST_TARIFFS: tariffs.list_tariffs,
        Operation.GET_TARIFF: tariffs.get_tariff,
        Operation.PUT_TARIFF: tariffs.put_tariff,
        Operation.PATCH_TARIFF: tariffs.patch_tariff,
        Operation.DELETE_TARIFF: tariffs.delete_tariff,
        Operation.LIST_TOKENS: tokens.list_tokens,
        Operation.GET_TOKEN: tokens.get_token,
        Operation.PUT_TOKEN: tokens.put_token,
        Operation.PATCH_TOKEN: tokens.patch_token,
        Operation.AUTHORIZE: tokens.authorize,
        Operation.LIST_SESSIONS: sessions.list_sessions,
        Operation.GET_SESSION: sessions.get_session,
        Operation.PUT_SESSION: sessions.put_session,
        Operation.PATCH_SESSION: sessions.patch_session,
        Operation.LIST_CDRS: cdrs.list_cdrs,
        Operation.GET_CDR: cdrs.get_cdr,
        Operation.POST_CDR: cdrs.post_cdr,
        Operation.SET_CHARGING_PREFERENCES: charging_profiles.set_charging_preferences,
        Operation.CANCEL_RESERVATION: commands.post_command,
        Operation.RESERVE_NOW: commands.post_command,
        Operation.START_SESSION: commands.post_command,
        Operation.STOP_SESSION: commands.post_command,
        Operation.UNLOCK_CONNECTOR: commands.post_command,
        Operation.COMMAND_RESULT: commands.command_result,
        Operation.SET_CHARGING_PROFILE: charging_profiles.set_charging_profile,
        Operation.CLEAR_CHARGING_PROFILE: charging_profiles.clear_charging_profile,
        Operation.GET_ACTIVE_CHARGING_PROFILE: charging_profiles.get_active_charging_profile,
        Operation.CHARGING_PROFILE_RESULT: commands.command_result,
        Operation.PUT_ACTIVE_CHARGING_PROFILE: charging_profiles.put_active_charging_profile,
        Operation.GET_HUB_CLIENT: hub_clients.get_hub_client,
        Operation.PUT_HUB_CLIENT: hub_clients.put_hub_client,
        Operation.LIST_INVOICE_RECORDS: invoice_records.list_invoice_records,
        Operation.GET_INVOICE_RECORD: invoice_records.get_invoice_record,
        Operation.POST_INVOICE_RECORD: invoice_records.post_invoice_record,
        Operation.PUT_INVOICE_RECORD: invoice_records.put_invoice_record,
        Operation.DELETE_INVOICE_RECORD: invoice_records.delete_invoice_record,
    }
)
