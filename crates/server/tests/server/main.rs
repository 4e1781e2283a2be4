//! The server at its boundary: requests in, answers and rows out. Every test runs on SQLite and on PostgreSQL; the
//! latter are ignored where `cargo xtask services` has not started one.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]
#![allow(clippy::print_stdout, reason = "what was counted is for who looks")]

mod access_matrix;
mod accounts;
mod acme;
mod asking;
mod audit;
mod audit_sinks;
mod authenticator;
mod backup;
mod check_in;
mod computers;
mod credentials;
mod enrolment;
mod grants;
mod groups;
mod heads;
mod jobs;
mod key_ring;
mod nodes;
mod organisations;
mod passkeys;
mod protocol;
mod registration_keys;
mod required_factor;
mod second_factor;
mod settings;
mod sign_in;
mod throttle;
mod trouble;
mod world;

/// Makes each test one on SQLite and one on PostgreSQL.
macro_rules! on_both {
    ($($file:ident: $($name:ident),+;)+) => {
        mod sqlite {
            $(mod $file {
                $(#[tokio::test]
                async fn $name() {
                    let world = crate::world::World::new(crate::world::Kind::Sqlite).await;
                    crate::$file::$name(world).await;
                })+
            })+
        }

        mod services {
            $(mod $file {
                $(#[tokio::test]
                #[ignore = "needs servers: `cargo xtask services start`"]
                async fn $name() {
                    let world = crate::world::World::new(crate::world::Kind::Postgresql).await;
                    crate::$file::$name(world).await;
                })+
            })+
        }
    };
}

/// What is on one database alone.
mod once {
    #[tokio::test]
    async fn an_authority_that_looks_at_a_name_is_answered() {
        let settings = crate::acme::settings("https://localhost/dir", "unused");
        let world = crate::world::World::with(crate::world::Kind::Sqlite, settings).await;
        crate::acme::an_authority_that_looks_at_a_name_is_answered(world).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "needs servers: `cargo xtask services start`"]
    async fn two_nodes_have_one_certificate_and_renew_it() {
        let settings = crate::acme::settings_of_pebble();
        let world = crate::world::World::with(crate::world::Kind::Postgresql, settings).await;
        crate::acme::two_nodes_have_one_certificate_and_renew_it(world).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "needs servers: `cargo xtask services start`"]
    async fn what_an_authority_refuses_is_said_and_tried_again_later() {
        let settings = crate::acme::settings_of_pebble();
        let world = crate::world::World::with(crate::world::Kind::Sqlite, settings).await;
        crate::acme::what_an_authority_refuses_is_said_and_tried_again_later(world).await;
    }

    #[tokio::test]
    async fn measurements_say_how_far_a_sink_is_behind() {
        let place = crate::audit_sinks::at(strongroom_server::app::audit::sinks::Place::File(
            "/dev/full".into(),
        ));
        let settings = strongroom_server::app::Settings {
            sinks: vec![place],
            ..strongroom_server::app::Settings::default()
        };
        let world = crate::world::World::with(crate::world::Kind::Sqlite, settings).await;
        crate::audit_sinks::measurements_say_how_far_it_is_behind(world).await;
    }

    #[tokio::test]
    async fn what_the_server_locks_stays() {
        use strongroom_domain::policy::{Lifetime, Setting};
        let mut settings = strongroom_server::app::Settings {
            requests_at_once: 1_000_000,
            ..strongroom_server::app::Settings::default()
        };
        let idle = Lifetime::new(std::time::Duration::from_mins(20)).unwrap();
        settings.groups.sessions.idle = Setting::locked(idle);
        let world = crate::world::World::with(crate::world::Kind::Sqlite, settings).await;
        crate::settings::what_the_server_locks_stays(world).await;
    }

    #[tokio::test]
    async fn who_dawdles_is_cut_off() {
        let world = crate::world::World::new(crate::world::Kind::Sqlite).await;
        crate::trouble::who_dawdles_is_cut_off(world).await;
    }

    #[tokio::test]
    async fn a_full_disk_is_read_and_recovers() {
        let world = crate::world::World::new(crate::world::Kind::Sqlite).await;
        crate::trouble::a_full_disk_is_read_and_recovers(world).await;
    }

    #[tokio::test]
    async fn who_is_refused_before_the_body_goes_on() {
        let world = crate::world::World::new(crate::world::Kind::Sqlite).await;
        crate::trouble::who_is_refused_before_the_body_goes_on(world).await;
    }

    #[tokio::test]
    #[ignore = "needs servers: `cargo xtask services start`"]
    async fn a_database_that_is_gone_for_a_while() {
        let world = crate::world::World::new(crate::world::Kind::Postgresql).await;
        crate::trouble::a_database_that_is_gone_for_a_while(world).await;
    }
}

/// The larger ones, which take a while.
mod large {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "needs servers: `cargo xtask services start`; measures"]
    async fn check_ins_a_second() {
        let world = crate::world::World::new(crate::world::Kind::Postgresql).await;
        crate::check_in::a_second(world).await;
    }

    #[tokio::test]
    #[ignore = "takes a minute"]
    async fn a_change_of_10_000_values_killed_at_every_step_goes_on() {
        let world = crate::world::World::new(crate::world::Kind::Sqlite).await;
        crate::key_ring::kill_everywhere(world, 10_000).await;
    }

    #[tokio::test]
    #[ignore = "needs servers: `cargo xtask services start`"]
    async fn on_postgresql_a_change_of_10_000_values_killed_at_every_step_goes_on() {
        let world = crate::world::World::new(crate::world::Kind::Postgresql).await;
        crate::key_ring::kill_everywhere(world, 10_000).await;
    }
}

on_both! {
    access_matrix:
        every_endpoint_with_every_role_and_relation,
        lists_have_what_their_action_reaches;
    accounts:
        users_are_made_changed_and_found,
        a_name_is_taken_once,
        many_users_are_made_at_once,
        lists_come_in_pages,
        states_follow_the_rules,
        a_blocked_user_is_signed_out_at_once,
        a_suspended_user_is_signed_out_and_the_computer_goes_on,
        the_last_sysadmin_stays,
        who_outranks_one_is_left_alone,
        a_user_moves_and_leaves_groups,
        links_are_shown_once_and_void_those_before,
        users_change_what_they_are_called;
    audit:
        every_change_is_on_record,
        everybody_sees_their_part,
        a_change_that_fails_leaves_no_entry,
        an_export_proves_itself;
    audit_sinks:
        a_file_has_every_entry_in_order_and_once,
        after_a_kill_another_node_goes_on_within_a_minute,
        a_file_that_hangs_stops_nothing,
        a_full_one_is_tried_again,
        a_collector_takes_counted_messages,
        a_collector_is_known_by_its_certificate,
        who_ends_without_a_word_has_taken_nothing,
        a_collector_takes_datagrams;
    backup:
        a_restored_server_is_as_it_was_and_voids_what_was_issued,
        what_was_forbidden_since_stays_so,
        second_factors_are_those_of_the_replaced_database,
        a_new_server_takes_the_second_factors_of_the_backup,
        a_backup_goes_to_the_other_database,
        what_is_no_backup_is_refused;
    check_in:
        a_computer_is_heard_of_and_told_the_epoch,
        what_is_the_same_is_not_written_again,
        a_program_that_is_too_old_is_told_so,
        what_is_newer_is_passed_over,
        nobody_else_checks_in,
        a_restored_server_is_noticed;
    computers:
        a_computer_is_renamed_by_its_owner,
        a_revoked_computer_is_nobody_with_the_next_request,
        a_computer_of_a_blocked_user_is_nobody,
        a_deactivated_computer_comes_back;
    credentials:
        what_is_no_credential_is_refused_alike,
        sessions_end_by_themselves,
        sessions_are_listed_and_ended,
        a_clock_set_back_makes_no_session_younger,
        a_token_does_what_it_is_for,
        a_token_is_made_by_a_fresh_sign_in,
        who_guesses_is_slowed_down;
    enrolment:
        a_key_makes_an_account_with_a_computer,
        a_key_that_is_not_good_makes_nothing,
        a_stopped_organisation_takes_nobody_in,
        a_name_is_nobody_elses_after_an_enrolment,
        who_guesses_keys_waits_and_others_enrol,
        who_has_signed_in_enrols_another_computer;
    grants:
        a_role_is_given_and_taken,
        nobody_gives_above_their_own,
        the_last_sysadmin_is_not_demoted;
    groups:
        groups_live,
        members_come_and_go,
        members_come_from_below;
    heads:
        the_newest_is_kept,
        what_goes_back_is_flagged_and_on_record_once,
        a_restored_server_takes_heads_afresh,
        what_is_the_same_in_a_new_epoch_goes_back_no_more,
        heads_are_bounded_and_come_in_pages;
    jobs:
        what_is_over_is_removed_and_nothing_else,
        two_nodes_do_a_job_once,
        a_job_is_that_of_the_node_that_claims_it_anew,
        measurements_say_what_was_done,
        checkpoints_are_signed_by_time_and_count;
    key_ring:
        a_change_killed_at_every_step_goes_on,
        values_exchanged_between_rows_do_not_open,
        a_missing_key_is_named_and_stops_nothing_else,
        an_inactive_key_goes_when_nothing_needs_it;
    nodes:
        two_nodes_agree_at_once,
        two_sysadmins_do_not_remove_each_other,
        entries_of_two_nodes_are_one_row;
    organisations:
        a_tree_grows,
        names_are_unique_among_siblings,
        a_move_keeps_the_tree_a_tree,
        a_stopped_organisation_stops_everybody_below,
        depth_ends_at_eight,
        what_is_stopped_is_named;
    passkeys:
        a_passkey_signs_in_alone,
        a_passkey_is_a_second_factor,
        two_sign_ins_of_one_user_do_not_undo_each_other,
        what_is_wrong_signs_nobody_in,
        a_counter_that_goes_back_is_refused_and_on_record,
        the_passkey_of_another_is_no_second_factor,
        what_is_wrong_makes_no_passkey,
        passkeys_are_named_and_taken_away,
        who_has_only_one_of_another_address_gets_in_again,
        a_link_shuts_out_who_was_in,
        whoever_has_a_passkey_sees_it,
        a_passkey_is_what_is_required,
        nobody_learns_who_is_there,
        a_challenge_is_no_guess_and_a_wrong_answer_is,
        who_asks_for_many_challenges_waits;
    protocol:
        problems_are_problems,
        a_change_needs_the_version_that_was_seen,
        the_same_request_is_done_once,
        a_dry_run_changes_nothing,
        bad_bodies_are_refused,
        zero_bytes_are_refused,
        every_answer_has_its_headers,
        health_and_measurements,
        the_document_is_served;
    registration_keys:
        a_key_is_shown_once_and_rotated,
        a_key_ends;
    required_factor:
        who_has_none_sets_one_up_and_does_nothing_else,
        nobody_learns_without_one_what_is_there,
        who_has_one_shows_it,
        nothing_below_loosens_it,
        nobody_waives_it_for_those_above,
        a_token_stops_with_its_owner,
        the_last_one_stays,
        who_lost_it_sets_another_up,
        a_restore_does_not_waive_it;
    second_factor:
        an_app_is_asked_for_at_sign_in,
        a_code_is_taken_once,
        a_recovery_code_signs_in_once,
        wrong_codes_are_few,
        a_reset_does_not_get_around_it,
        an_administrator_takes_it_away;
    settings:
        settings_are_inherited_locked_and_shown_with_their_owner,
        a_setting_is_changed_by_who_has_seen_it,
        nobody_loosens_what_holds_for_those_above,
        a_setting_is_loosened_by_a_fresh_sign_in,
        sessions_and_tokens_last_as_their_organisation_says,
        registration_is_as_the_organisation_says,
        a_check_in_names_the_policy_that_holds;
    throttle:
        an_address_has_a_hundred_guesses_an_hour,
        a_stranger_locks_nobody_out,
        names_that_nobody_has_wait_alike,
        a_restart_and_another_clock_forgive_nothing,
        what_is_known_of_networks_is_bounded;
    sign_in:
        the_first_sysadmin_signs_in,
        a_name_that_nobody_has_looks_like_any_other,
        a_damaged_record_looks_like_nobodys,
        an_attempt_is_good_once_and_not_for_long,
        states_hold_at_sign_in,
        another_password_ends_other_sessions,
        guesses_are_few_and_good_sign_ins_cost_nothing,
        a_stolen_database_signs_nobody_in;
}
